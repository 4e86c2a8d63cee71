"""The self-consuming loop (Alemohammad et al. 2023), the one place that knows the order of events.

G^1 trains on n_initial real images.
For t = 2, 3, ...: D^t is n_real real images (which ones, the kind of loop says) and the synthetic images of the
generations that the pool policy keeps; G^t trains on D^t from scratch and gives n_synthetic synthetic images.
Every generation is scored against real images that nothing in the loop has seen.
"""

import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass, replace
from functools import partial
from importlib.metadata import version
from pathlib import Path

import torch
from torch import Tensor

from bench import generators
from bench.cells.cell import Cell
from bench.cells.record import Cost, DataIdentity, Environment, GenerationResult, Record, ScoreConditions, Seconds
from bench.data.draws import RealDraws, image_seeds, sample_labels
from bench.data.image_set import ImageSet
from bench.errors import Damaged, RunFailed
from bench.features.base import FeatureSpace
from bench.files.hashing import canonical_sha256, code_sha256
from bench.files.sealed import tensors_sha256
from bench.generators.base import Generator
from bench.logs.run_log import RunLog
from bench.methods.method import Budget, Context, Control, Method, Reads, synthetic_are_samples
from bench.methods.pool import Pool
from bench.process.interruption import stop_if_asked
from bench.process.processes import ALONE, Processes
from bench.process.progress import Progress
from bench.runs.environment import peak_memory_bytes
from bench.runs.run_folder import FirstGenerationCache, RunFolder, TrainingCost, image_set, image_tensors
from bench.runs.shared_checkpoint import SharedCheckpoint
from bench.runs.strip import COLUMNS, strip_labels
from bench.scoring.scorer import Scorer
from bench.seeds import derive_seed


@dataclass(frozen=True)
class LoopRun:
    """A cell with all that takes part in running it.

    Attributes:
        cell: what is run.
        training: the real images that the loop may draw from.
        n_classes: number of labels, None for none.
        generator: trained anew in every generation.
        method: the mitigation.
        embedding: gives the feature space of `Context.embed`, loaded when it is first asked for.
        scorer: holds the reference.
        score: the conditions of the score; its n is how many images of each generation are scored.
        data: the identity of the real images.
        task_sha256: of the task file.
        environment: what it runs on.
        runs: the folder of all runs.
        folder: the run folder of this cell.
        progress: where progress is shown.
        loggers: what draws its curves: names of `bench.logs.run_log.LOGGERS`.
        processes: those that run this cell together; all call `run`.
    """

    cell: Cell
    training: ImageSet
    n_classes: int | None
    generator: Generator
    method: Method
    embedding: Callable[[], FeatureSpace]
    scorer: Scorer
    score: ScoreConditions
    data: DataIdentity
    task_sha256: str
    environment: Environment
    runs: Path
    folder: RunFolder
    progress: Progress
    loggers: Sequence[str] = ()
    processes: Processes = ALONE

    def run(self) -> Record:
        """Run the generations that are not finished yet, and return the record.

        Raises:
            RunFailed: a generation cannot be finished; those before it are kept.
        """
        with RunLog.open(
            self.loggers if self.processes.is_main else (), self.runs, self.cell, self.score, self.progress
        ) as log:
            return self._run(log)

    def _run(self, log: RunLog) -> Record:
        loop = self.cell.loop
        results = self.processes.from_main(self.folder.finished)
        if results:
            self.progress.note(f"resumes: generations 1 to {len(results)} of {loop.generations} are finished")
            with suppress(Damaged):  # the rows of a cell that only lacks its record may have been cleaned away
                self.processes.from_main(lambda: self.folder.draw_strip(len(results)))
        if 0 < len(results) < loop.generations:
            self.generator.load_state_dict(self._stored(len(results), "model"))
            self.method.load_state_dict(self._stored(len(results), "method"))
        for result in results:
            self._log(result, log)
        for t in range(len(results) + 1, loop.generations + 1):
            progress = self.progress.within(f"generation {t}/{loop.generations}")
            results.append(self._run_generation(t, self._with_losses(progress, results, log)))
            self.processes.from_main(partial(self.folder.draw_strip, t))
            self._log(results[-1], log)
            stop_if_asked()
            scores = results[-1].scores
            progress.note(f"FID {scores.fid:.2f}, precision {scores.precision:.3f}, recall {scores.recall:.3f}")
        record = Record(
            cell_id=self.cell.id,
            cell=self.cell,
            task_sha256=self.task_sha256,
            score=self.score,
            data=self.data,
            generations=tuple(results),
            environment=self.environment,
        )
        self.processes.from_main(lambda: self.folder.finish(record))
        return record

    def _log(self, result: GenerationResult, log: RunLog) -> None:
        """Log a finished generation, with the strip as it was then."""
        if log:
            strip = None
            with suppress(Damaged):
                strip = self.folder.strip(result.generation)
            log.generation(result, strip)

    def _with_losses(self, progress: Progress, results: Sequence[GenerationResult], log: RunLog) -> Progress:
        """Return the progress of a generation whose fits log their losses, by the images that the cell has trained."""
        if not log:
            return progress
        work = self.generator.work
        before = sum(result.cost.images_trained for result in results) - work.images_trained
        return replace(progress, log_losses=lambda losses: log.losses(losses, before + work.images_trained))

    def _run_generation(self, t: int, progress: Progress) -> GenerationResult:
        loop, generator, method = self.cell.loop, self.generator, self.method
        draws = RealDraws(self.training, self.cell.task, self.cell.seed)
        checkpoints = _Checkpoints(self.folder, str(self._seed(t, "fit")), self.processes)
        if generator.device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(generator.device)

        # D^t: real images, and the synthetic images of the generations that the pool policy keeps. G^1 sees real
        # images only, and is the same model for all loops and methods of a seed.
        initial = draws.initial(loop)
        real = initial if t == 1 else draws.at(t, loop)
        pool = Pool.assemble(real, {s: self._synthetic(s) for s in loop.kept_generations(t)})
        n_real = pool.n_real
        contaminated = loop.contamination is not None and t > 1
        if contaminated:
            pool = pool.shuffled(self._random(t, "contamination"))
        if isinstance(method, Control):
            real = initial if real is None else real
        elif contaminated:
            real, pool = None, pool.with_hidden_origin()
        ctx = self._context(t, pool, real, checkpoints, progress)

        # Train G^t on what the method makes of D^t.
        if t == 1:
            shared = self._first_generation(pool, progress)
            with _Meter(generator) as fit:
                self._prepare(ctx)
        else:
            with _Meter(generator) as fit:
                pool = self._curated(pool, ctx)
                method.fit(generator, pool, ctx)
                method.refine(generator, pool, ctx)
            shared = TrainingCost(images=0, seconds=0)

        # Draw the images that are scored and those that later generations train on: once, where they are the same.
        n_score, n_synthetic = self.score.n, method.n_synthetic(loop)
        with _Meter(generator) as sampling:
            n_drawn = max(n_score, n_synthetic) if synthetic_are_samples(self.method) else n_score
            drawn = self._checked("sample", method.sample(generator, n_drawn, ctx), n_drawn)
            files = {"samples": image_tensors(drawn)}
            if not synthetic_are_samples(self.method):
                synthetic = self._checked("synthesize", method.synthesize(generator, n_synthetic, ctx), n_synthetic)
                files["synthetic"] = image_tensors(synthetic)

        # Score them.
        samples = drawn[:n_score]
        with _Meter(generator) as scoring:
            scores = self.scorer.score(samples, progress)
        state = method.state_dict()
        cost = Cost(
            images_trained=shared.images + fit.images_trained + sampling.images_trained,
            network_evaluations=fit.network_evaluations + sampling.network_evaluations,
            real_images=max(n_real if contaminated else pool.n_real, len(ctx.real) if ctx.has_read.real else 0),
            method_state_bytes=sum(value.nbytes for value in state.values()),
            seconds=Seconds(
                fit=shared.seconds + checkpoints.earlier_seconds + fit.seconds,
                sample=sampling.seconds,
                score=scoring.seconds,
            ),
            peak_memory_bytes=max(self.processes.everyones(peak_memory_bytes(generator.device))),
        )
        result = GenerationResult(
            generation=t,
            scores=scores,
            cost=cost,
            samples_sha256=samples.sha256,
            score_features_read=ctx.has_read.score_features,
        )

        # Keep the generation, with its row of the collapse strip where there are images to show, and only then forget
        # how far its fit had come.
        files |= {"model": generator.state_dict(), "method": state}
        if not samples.are_points:
            files["strip"] = image_tensors(method.sample(generator, COLUMNS, self._strip_context(ctx)))
        for name, tensors in files.items():
            self.processes.check_same(f"the {name} of generation {t}", partial(tensors_sha256, tensors, {}))
        self.processes.from_main(lambda: self.folder.finish_generation(result, files))
        checkpoints.remove()
        return result

    def _first_generation(self, pool: Pool, progress: Progress) -> TrainingCost:
        """Train G^1 plainly, or take it from the runs folder where another loop or method has trained it."""
        generator = self.generator
        fit_seed = self._seed(1, "fit")
        cache = FirstGenerationCache(self.runs, _first_generation_key(generator, pool, fit_seed), progress)
        with cache.claimed() if self.processes.is_main else nullcontext():
            if (cached := self.processes.from_main(cache.load)) is not None:
                weights, training = cached
                generator.load_state_dict(weights)
                progress.note("taken from the runs folder: another loop or method of this seed has trained it")
                return training
            checkpoint = SharedCheckpoint(cache.checkpoint(str(fit_seed)), self.processes)
            with _Meter(generator) as fit:
                generator.fit(pool.data, seed=fit_seed, from_scratch=True, checkpoint=checkpoint, progress=progress)
            training = TrainingCost(images=fit.images_trained, seconds=fit.seconds + checkpoint.earlier_seconds)
            self.processes.from_main(lambda: cache.save(generator.state_dict(), training))
            checkpoint.remove()
            return training

    def _prepare(self, ctx: Context) -> None:
        """Let the method learn from G^1 and its real images; G^1 itself stays what it is."""
        if type(self.method).prepare is Method.prepare:
            return
        first = self.generator.state_dict()
        self.method.prepare(self.generator, ctx)
        self.generator.load_state_dict(first)

    def _curated(self, pool: Pool, ctx: Context) -> Pool:
        """Return what the method makes of the pool; RunFailed where no generator can be trained on it."""
        curated = self.method.curate(pool, ctx)
        name = f"curate of method '{self.cell.method.name}'"
        if not isinstance(curated, Pool):
            raise RunFailed(f"{name} returned {type(curated).__name__}, not a Pool")
        if len(curated) == 0:
            raise RunFailed(f"{name} left no image of {len(pool)} in generation {ctx.generation}")
        if len(curated.origin) != len(curated):
            raise RunFailed(f"{name} returned {len(curated)} images and {len(curated.origin)} origins")
        self._checked("curate", curated.data, len(curated))
        return curated

    def _context(
        self, t: int, pool: Pool, real: ImageSet | None, checkpoints: "_Checkpoints", progress: Progress
    ) -> Context:
        cell, generator = self.cell, self.generator
        n_drawn = max(self.score.n, cell.loop.n_synthetic)
        return Context(
            loop=cell.loop,
            generation=t,
            pool=pool,
            n_classes=self.n_classes,
            budget=Budget(
                images_trained=generator.images_per_fit(len(pool)),
                network_evaluations=n_drawn * generator.evaluations_per_image(cell.loop.sampling_bias),
            ),
            fit_seed=self._seed(t, "fit"),
            random=self._random(t, "method"),
            checkpoint=checkpoints.of(""),
            progress=progress,
            _checkpoint=checkpoints.of,
            _labels=lambda n: sample_labels(self.training, cell.task, n),
            _seeds=lambda n: image_seeds(n, cell.task, cell.generator, cell.seed, t, "sample"),
            _real=real,
            _embed=lambda images: self.embedding()(images.images, progress).cpu(),
            _embed_as_scored=lambda images: self.scorer.space(images.images, progress).cpu(),
            has_read=Reads(),
        )

    def _strip_context(self, ctx: Context) -> Context:
        """Return the context with the labels and seeds of the collapse strip, which no generation changes."""
        cell = self.cell
        return replace(
            ctx,
            _labels=lambda n: strip_labels(self.n_classes, n),
            _seeds=lambda n: image_seeds(n, cell.task, cell.generator, cell.seed, "strip"),
            progress=Progress(visible=False),
        )

    def _seed(self, t: int, purpose: str) -> int:
        """Return a seed of generation t; loop and method are left out of it, so that comparisons are paired."""
        return derive_seed(self.cell.task, self.cell.generator, self.cell.seed, t, purpose)

    def _random(self, t: int, purpose: str) -> torch.Generator:
        return torch.Generator().manual_seed(self._seed(t, purpose))

    def _synthetic(self, t: int) -> ImageSet:
        """Return the synthetic images that a finished generation gave to the pools after it."""
        if synthetic_are_samples(self.method):
            return image_set(self._stored(t, "samples"))[: self.method.n_synthetic(self.cell.loop)]
        return image_set(self._stored(t, "synthetic"))

    def _stored(self, t: int, name: str) -> dict[str, Tensor]:
        """Return the content of one file of a finished generation, which the main process reads."""
        return self.processes.from_main(lambda: self.folder.tensors(t, name))

    def _checked(self, hook: str, images: ImageSet, n: int) -> ImageSet:
        """Return what a method's hook gave; RunFailed where it is not n images like the real ones."""
        if not isinstance(images, ImageSet):
            raise RunFailed(
                f"{hook} of method '{self.cell.method.name}' returned {type(images).__name__}, not an ImageSet"
            )
        found = (tuple(images.images.shape), images.labels is not None)
        wanted = ((n, *self.training.images.shape[1:]), self.training.labels is not None)
        if found != wanted:
            described = [
                f"images of shape {shape} {'with' if lab else 'without'} labels" for shape, lab in (found, wanted)
            ]
            raise RunFailed(f"{hook} of method '{self.cell.method.name}' returned {described[0]}, not {described[1]}")
        return images


class _Checkpoints:
    """The checkpoints of the fits of one generation, by their purposes; "" is the generation's own."""

    def __init__(self, folder: RunFolder, key: str, processes: Processes) -> None:
        self._folder, self._key, self._processes = folder, key, processes
        self._opened: dict[str, SharedCheckpoint] = {}

    def of(self, purpose: str) -> SharedCheckpoint:
        """Return the checkpoint of a purpose, the same each time."""
        if purpose not in self._opened:
            checkpoint = self._folder.fit_checkpoint(self._key, purpose)
            self._opened[purpose] = SharedCheckpoint(checkpoint, self._processes)
        return self._opened[purpose]

    @property
    def earlier_seconds(self) -> float:
        """What the fits had taken when the states that were found had been saved."""
        return sum(checkpoint.earlier_seconds for checkpoint in self._opened.values())

    def remove(self) -> None:
        """Forget the states: the generation is finished."""
        for checkpoint in self._opened.values():
            checkpoint.remove()


class _Meter:
    """Measures what a generator does inside a `with` block, by its own counters and the clock.

    Attributes:
        images_trained: images that went through a training step.
        network_evaluations: forward passes of the network for one image, but for those of training.
        seconds: wall-clock time.
    """

    images_trained: int
    network_evaluations: int
    seconds: float

    def __init__(self, generator: Generator) -> None:
        self._generator = generator

    def __enter__(self) -> "_Meter":
        self._before = replace(self._generator.work)
        self._started = time.perf_counter()
        return self

    def __exit__(self, *_: object) -> None:
        work = self._generator.work
        self.seconds = time.perf_counter() - self._started
        self.images_trained = work.images_trained - self._before.images_trained
        self.network_evaluations = work.network_evaluations - self._before.network_evaluations


def _first_generation_key(generator: Generator, pool: Pool, fit_seed: int) -> str:
    """Return the hash of all that a trained G^1 is a function of, the code of the generators included."""
    return canonical_sha256(
        {
            "generator": type(generator).__name__,
            "settings": generator.settings.model_dump(mode="json"),
            "pool": pool.data.sha256,
            "seed": fit_seed,
            "code": code_sha256(generators),
            "device": generator.device.type,
            "torch": torch.__version__,
            "diffusers": version("diffusers"),
        }
    )
