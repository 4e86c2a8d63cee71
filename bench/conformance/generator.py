"""`autophagy check` of a generator: trains it for a few steps on tiny images, and says in plain words what is wrong.

Each promise that the loop, the methods and the costs rely on is tried; docs/generators.md lists them. Networks are the
file's own, with its parameters: only batches, images and the budget are small.
"""

import time

import torch
from torch import Tensor

from bench.cells.outside import outside_uses
from bench.cells.parameters import describe_parameters
from bench.conformance.telling import task_told
from bench.conformance.tiny import TinyTask
from bench.conformance.trial import (
    BATCH,
    POOL,
    SEEDS,
    SHAPES,
    SILENT,
    STEPS,
    Killed,
    Memory,
    Stop,
    Trial,
    described,
    distance,
    passes_counted,
    same,
    shown,
    zeros,
)  # fmt: skip
from bench.conformance.verdict import GENERATOR_CHECKS, Finding, Verdict
from bench.data.image_set import ImageSet
from bench.errors import BadInput, RunFailed, first_line
from bench.generators.base import Generator
from bench.generators.file import load_generator
from bench.generators.network import NetworkGenerator
from bench.process.progress import Progress

BIASES = (0.5, 0.1)
KILLED_AFTER = 3
# Equal weights are divided out in another order of operations; what that rounds may grow over a few steps.
MOST_BY_ROUNDING = 0.1
# Images of weight 0 may still be seen beside others, as in the statistics of a batch.
MOST_BY_IGNORED = 0.25


def check_generator(text: str, progress: Progress, own: TinyTask | None = None) -> Verdict:
    """Check a generator.

    Args:
        text: the generator's file and parameters, as for `load_generator`.
        progress: where progress is shown.
        own: a task of one's own that it is tried on, in place of the toys.

    Raises:
        BadInput: the file cannot be loaded, uses what it may not use, or a parameter is wrong.
    """
    started = time.monotonic()
    loaded = load_generator(text)
    return Verdict(loaded.identity.option, _Check(loaded, SHAPES[0], own).run(progress), time.monotonic() - started)


class _Check(Trial):
    def run(self, progress: Progress) -> list[Finding]:
        path = self.loaded.path
        assert path is not None  # it is a file that is checked
        parameters = describe_parameters(self.loaded.identity.params)
        described = f"{path.name} can be loaded" + (f", with {parameters}" if parameters else "")
        findings = [Finding("file", "ok", described), *task_told(self.own)[:1]]
        allowed, refused = self.shapes()
        if not allowed:
            return [*findings, Finding("settings", "FAILED", f"makes nothing that was tried: {'; '.join(refused)}")]
        words = ", ".join(map(shown, allowed)) + (f"; not {'; '.join(refused)}" if refused else "")
        findings.append(Finding("settings", "ok", f"makes {words}"))
        notes: list[Finding] = []
        self.done.add("reads")
        for use in outside_uses(path, path.read_bytes()):
            self.fault("reads", f"{use}: a generator sees what it is handed, and no files")
        for i, data in enumerate(allowed):
            self.data = data
            progress.note(shown(data))
            try:
                notes += self._check(whole=i == 0)
            except Stop:
                continue
            except (RunFailed, BadInput) as error:
                self.fault("fit", f"{first_line(error)} {self.line(error)}")
        for check, fine in GENERATOR_CHECKS.items():
            wrong = [(m, where) for (each, m), where in self.faults.items() if each == check]
            findings += [Finding(check, "FAILED", f"{message} [{', '.join(where)}]") for message, where in wrong]
            if not wrong and check in self.done:
                findings.append(Finding(check, "ok", fine))
            elif not wrong and check not in {note.check for note in notes}:
                findings.append(Finding(check, "skipped", "cannot be told before the others pass"))
        return findings + list(dict.fromkeys(notes))

    def _check(self, *, whole: bool) -> list[Finding]:
        """Look at one shape of data; all checks only where `whole`."""
        trained, state = self._check_images()
        self._check_seeds(trained)
        self._check_fit(state)
        notes = self._check_resume(state)
        self._check_state(trained, state)
        notes += self._check_bias(trained)
        if whole:
            notes += self._check_finetune(state)
            self._check_weights(state)
            self._check_budget(state)
        return notes

    # The parts of the check; `trained` is a generator that was fitted once, with seed 1, and `state` its weights.

    def _check_images(self) -> tuple[Generator, dict[str, Tensor]]:
        generator = self.new()
        before = generator.work.images_trained
        state = self.fit(generator)
        self.count("fit", "images_trained", generator.work.images_trained - before, generator.images_per_fit(POOL))
        with passes_counted() as passes:
            images = self.sample(generator)
        evaluations = generator.evaluations_per_image(1.0)
        self.done.add("counts")
        if passes and (most := max(passes.values()) / len(SEEDS)) > evaluations:
            self.fault(
                "counts",
                f"evaluations_per_image(1) says {evaluations}, and one of its networks was asked {most:g} times for "
                f"each image {self.place('evaluations_per_image')}",
            )
        expected = ImageSet(zeros(len(SEEDS), self.data), self.labels)
        found, wanted = (described(each) for each in (images, expected))
        self.done.add("images")
        if found != wanted:
            self.fault("images", f"sample returned {found}, not {wanted} {self.place('draw', 'sample')}")
            raise Stop
        if images.labels is not None and self.labels is not None and not torch.equal(images.labels, self.labels):
            self.fault("images", f"sample returned other labels than it was given {self.place('sample')}")
        return generator, state

    def _check_seeds(self, generator: Generator) -> None:
        self.done.add("seeds")
        images, labels = self.sample(generator).images, self.labels
        where = self.place("draw", "sample")
        if not torch.equal(self.sample(generator).images, images):
            self.fault("seeds", f"the same seeds give other images when they are drawn again {where}")
            return
        turned = list(reversed(range(len(SEEDS))))
        again = self.sample(generator, turned).images
        if not torch.equal(again, images[turned]):
            self.fault("seeds", f"in another order, the same seeds and labels give other images {where}")
        elif not torch.equal(self.sample(generator, [2, 3, 4]).images, images[2:5]):
            self.fault("seeds", f"with fewer images beside them, the same seeds and labels give others {where}")
        shifted = [SEEDS[-1], *SEEDS[:-1]]
        other = self.call("sample", generator, lambda: generator.sample(labels, shifted, 1.0, SILENT)).images
        if torch.equal(other, images):
            self.fault("seeds", f"other seeds give the same images {where}")

    def _check_fit(self, state: dict[str, Tensor]) -> None:
        self.done.add("fit")
        where = self.place("train_step", "fit")
        generator = self.new()
        if not same(self.fit(generator), state):
            self.fault(
                "fit", f"the same seed gives other weights in a new generator: draw from `random` alone {where}"
            )
            raise Stop
        other = self.fit(generator, seed=2)
        if isinstance(generator, NetworkGenerator) and same(other, state):
            self.fault("fit", f"another seed gives the same weights {self.place('begin_fit', 'fit')}")
        if not same(self.fit(generator), state):
            where = self.place("begin_fit", "fit")
            self.fault("fit", f"after another fit, a fit from scratch with the same seed gives other weights {where}")

    def _check_resume(self, state: dict[str, Tensor]) -> list[Finding]:
        checkpoint, generator = Memory(KILLED_AFTER), self.new()
        try:
            self.fit(generator, checkpoint=checkpoint)
        except Killed:
            self.done.add("resume")
        else:
            if not generator.checkpoint_bytes:
                return [Finding("resume", "note", "keeps no state of an unfinished fit: a killed fit begins again")]
            self.fault("resume", f"no state of an unfinished fit was saved when it was due {self.place('fit')}")
            return []
        checkpoint.kill_after, generator = None, self.new()
        resumed = self.fit(generator, checkpoint=checkpoint)
        self.count("resume", "images_trained", generator.work.images_trained, generator.images_per_fit(POOL))
        if not same(resumed, state):
            self.fault(
                "resume",
                "a fit that was killed and goes on gives other weights: what changes in it must be in the `weights` "
                f"or `optimizers` of its Training {self.place('train_step', 'fit')}",
            )
        return []

    def _check_state(self, trained: Generator, state: dict[str, Tensor]) -> None:
        self.done.add("state")
        images, copied = self.sample(trained).images, self.new()
        where = self.place("state_dict")
        if any(not isinstance(value, Tensor) or value.device.type != "cpu" for value in state.values()):
            self.fault("state", f"state_dict must return tensors on the CPU {where}")
            raise Stop
        self.call("load_state_dict", copied, lambda: copied.load_state_dict(state))
        if not torch.equal(self.sample(copied).images, images):
            self.fault("state", f"a new generator with its state_dict draws other images {where}")
        elif not same(copied.state_dict(), state):
            self.fault("state", f"what load_state_dict took, state_dict does not return {where}")
        for value in trained.state_dict().values():
            value.zero_()
        if not torch.equal(self.sample(trained).images, images):
            self.fault("state", f"state_dict returns the weights themselves, and no copies {where}")
            raise Stop

    def _check_finetune(self, state: dict[str, Tensor]) -> list[Finding]:
        once, loaded = self.new(), self.new()
        try:
            self.fit(once)
            onwards = self.fit(once, seed=2, from_scratch=False)
        except RunFailed as error:
            return [Finding("finetune", "note", f"is refused: {first_line(error)}")]
        self.done.add("finetune")
        where = self.place("begin_fit", "fit")
        if same(onwards, self.fit(self.new(), seed=2)):
            self.fault("finetune", f"from_scratch = False gives the weights of a fit from scratch {where}")
        loaded.load_state_dict(state)
        if not same(self.fit(loaded, seed=2, from_scratch=False), onwards):
            where = self.place("state_dict")
            self.fault("state", f"finetune goes on from something that state_dict does not return {where}")
        return []

    def _check_weights(self, state: dict[str, Tensor]) -> None:
        self.done.add("weights")
        pool, where = self.pool, self.place("train_step", "fit")
        first = torch.arange(POOL) % 4 == 0
        without = torch.where(first, 0.0, 1.0)
        excluded = self.fit(self.new(), weights=without)
        if same(excluded, state):
            self.fault("weights", f"weights of 0 for a quarter of the images change nothing {where}")
            return
        effect = distance(state, excluded)
        if distance(state, self.fit(self.new(), weights=torch.full((POOL,), 2.0))) > MOST_BY_ROUNDING * effect:
            self.fault("weights", f"equal weights give something else than none {where}")
        inverted = -pool.images if self.data.are_points else 255 - pool.images
        images = torch.where(first.reshape(-1, *[1] * len(self.data.image_shape)), inverted, pool.images)
        other = ImageSet(images, pool.labels)
        moved = distance(excluded, self.fit(self.new(), pool=other, weights=without))
        if moved > MOST_BY_IGNORED * distance(state, self.fit(self.new(), pool=other)):
            self.fault("weights", f"images of weight 0 are trained on all the same {where}")

    def _check_budget(self, state: dict[str, Tensor]) -> None:
        generator = self.new()
        if not isinstance(generator, NetworkGenerator):
            return
        self.done.add("budget")
        before = generator.work.images_trained
        self.fit(generator, budget=0.5)
        found, wanted = generator.work.images_trained - before, STEPS * BATCH // 2
        if found != wanted:
            self.fault("budget", f"budget = 0.5 trained on {found} images, not {wanted} {self.place('fit')}")
        if same(self.fit(self.new(), learning_rate=0.1), state):
            where = self.place("train_step", "fit")
            self.fault("budget", f"learning_rate = 0.1 changes nothing: use that of the Training {where}")

    def _check_bias(self, trained: Generator) -> list[Finding]:
        labelled = self.data.n_classes is not None
        for bias in BIASES:
            try:
                trained.check_sampling_bias(bias, labelled)
            except BadInput as error:
                return [Finding("bias", "note", f"{bias:g} is refused ({shown(self.data)}): {first_line(error)}")]
        self.done.add("bias")
        plain, before = self.sample(trained).images, trained.work.network_evaluations
        biased = self.sample(trained, bias=BIASES[-1]).images
        wanted = trained.evaluations_per_image(BIASES[-1]) * len(SEEDS)
        self.count("sample with a bias", "network_evaluations", trained.work.network_evaluations - before, wanted)
        where = self.place("draw", "sample")
        if torch.equal(biased, plain):
            self.fault(
                "bias",
                f"sampling_bias = {BIASES[-1]:g} gives the same images as 1: make it act, or refuse it in "
                f"check_sampling_bias {where}",
            )
        elif not torch.equal(self.sample(trained, [2, 3, 4], bias=BIASES[-1]).images, biased[2:5]):
            self.fault("bias", f"with a sampling bias, an image depends on those beside it {where}")
        if not torch.equal(self.sample(trained).images, plain):
            self.fault("bias", f"after sampling with a bias, sampling_bias = 1 gives other images {where}")
        return []
