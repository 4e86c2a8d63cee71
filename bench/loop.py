"""The self-consuming loop (Alemohammad et al. 2023), the one place that knows the order of events.

G^1 trains on n_initial real images.
For t = 2, 3, ...: D^t is n_real real images (which ones, the kind of loop says) and the n_synthetic images of each of
the generations that the pool policy keeps; G^t trains on D^t and gives n_synthetic synthetic images, drawn with the
sampling bias.
Every generation is scored against real images that nothing in the loop has seen.
"""

from dataclasses import dataclass

from bench.cells.cell import Cell
from bench.cells.record import GenerationResult, Record
from bench.cells.retraining import LEAST_DRAWN, in_order
from bench.data.draws import RealDraws
from bench.data.image_set import ImageSet
from bench.generators.base import Generator
from bench.methods.contexts import Contexts
from bench.methods.hooks import Hooks
from bench.methods.lineage import Lineage
from bench.methods.method import Reads
from bench.methods.pool import Pool
from bench.process.progress import Progress
from bench.runs.journal import Journal
from bench.runs.meter import Costs
from bench.runs.strip import COLUMNS
from bench.scoring.scorer import Scorer
from bench.seeds import derive_generator, derive_seed


@dataclass(frozen=True)
class LoopRun:
    """A cell with all that takes part in running it.

    Attributes:
        cell: what is run.
        draws: the real images of each generation.
        generator: trained anew in every generation.
        method: the mitigation; with the default hooks it is the plain loop of the paper.
        contexts: what the method may know and use.
        scorer: holds the reference.
        n_score: how many images of each generation are scored.
        costs: measures what each generation costs.
        lineage: knows what the weights of each generation are made of.
        journal: keeps what is finished, so that a killed run goes on where it was.
    """

    cell: Cell
    draws: RealDraws
    generator: Generator
    method: Hooks
    contexts: Contexts
    scorer: Scorer
    n_score: int
    costs: Costs
    lineage: Lineage
    journal: Journal

    def run(self) -> Record:
        """Run the generations that are not finished yet, and return the record.

        Raises:
            RunFailed: a generation cannot be finished; those before it are kept.
        """
        results = self.journal.finished()
        done, generations = len(results), self.cell.loop.generations
        if 0 < done < generations:
            self.generator.load_state_dict(self.journal.tensors(done, "model"))
            self.method.load_state_dict(self.journal.tensors(done, "method"))
        for t in range(done + 1, generations + 1):
            progress = self.journal.progress_of(t, results, self.generator)
            results.append(self._generation(t, progress))
        self.journal.draw_sheet(self.draws.all(self.cell.loop), self.contexts.n_classes)
        return self.journal.finish(results, self.method.uses)

    def _generation(self, t: int, progress: Progress) -> GenerationResult:
        loop, generator, method = self.cell.loop, self.generator, self.method
        costs, lineage = self.costs, self.lineage
        fit_seed = derive_seed(*self.cell.coordinates(t, "fit"))
        checkpoints = self.journal.checkpoints(fit_seed)
        costs.begin()
        lineage.begin(lambda: (self.journal.tensors(s, "model") for s in range(1, t)))

        # D^t: real images, and the synthetic images of the generations that the pool policy keeps. G^1 sees real
        # images only, and is the same model for all loops and methods of a seed.
        initial = self.draws.initial(loop)
        real = initial if t == 1 else self.draws.at(t, loop)
        pool = Pool.assemble(real, {s: self._synthetic(s) for s in loop.kept_generations(t)})
        n_real = pool.n_real

        # A method may read the real images of D^t; in a contaminated pool nothing says which they are.
        contaminated = loop.contamination is not None and t > 1
        if contaminated:
            pool = pool.shuffled(derive_generator(*self.cell.coordinates(t, "contamination")))
        of_loop = real
        if method.is_control:
            real = initial if real is None else real
        elif contaminated:
            real, pool = None, pool.with_hidden_origin()
        reads = Reads()
        ctx = self.contexts.of(t, pool, real, reads, checkpoints.of, progress)

        # Train G^t on what the method makes of D^t.
        if t == 1:
            training = self.journal.first_generation(generator, pool.data, fit_seed, progress)
            costs.add_fit(training)
            lineage.first(pool.data, training.images)
            with costs.during("fit"):
                method.prepare(generator, ctx)
        else:
            with costs.during("fit"):
                pool = method.curate(pool, ctx)
                method.fit(generator, pool, ctx)
                method.refine(generator, pool, ctx)

        # Draw the images that are scored and those that later generations train on: once, where they are the same.
        n_score, n_synthetic = self.n_score, method.n_synthetic(loop)
        with costs.during("sample"):
            with lineage.scoring():
                n = max(n_score, n_synthetic) if method.synthetic_are_samples else n_score
                kept = {"samples": method.sample(generator, n, ctx)}
            if not method.synthetic_are_samples:
                kept["synthetic"] = method.synthesize(generator, n_synthetic, ctx)
        samples = kept["samples"][:n_score]

        # Score them.
        with costs.during("score"):
            scores = self.scorer.score(samples, progress)
        state, budget, drawn = method.state_dict(), ctx.budget.images_trained, lineage.drawn(samples)
        costs.add_fit(checkpoints.earlier)
        result = GenerationResult(
            generation=t,
            scores=scores,
            cost=costs.total(
                real_images=max(n_real if contaminated else pool.n_real, reads.real_images),
                method_state_bytes=sum(value.nbytes for value in state.values()),
            ),
            samples_sha256=samples.sha256,
            score_features_read=reads.score_features,
            spaces_read=tuple(sorted(reads.spaces)),
            retrained=lineage.retrained(budget) if drawn >= LEAST_DRAWN else None,
            drawn=drawn,
            used=in_order(reads.uses | method.certain_uses | lineage.uses(t, initial, of_loop, state, budget)),
        )

        # Keep the generation, with its row of the collapse strip where there are images to show.
        if not samples.are_points:
            kept["strip"] = method.sample(generator, COLUMNS, self.contexts.of_strip(ctx))
        self.journal.keep(result, kept, {"model": generator.state_dict(), "method": state}, checkpoints, progress)
        return result

    def _synthetic(self, s: int) -> ImageSet:
        """Return the synthetic images that generation s gave to the pools after it."""
        name = "samples" if self.method.synthetic_are_samples else "synthetic"
        return self.journal.images(s, name)[: self.method.n_synthetic(self.cell.loop)]
