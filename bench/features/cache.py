"""What is computed from real images once per machine: their features, and the statistics of these."""

import functools
import platform
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, nullcontext
from pathlib import Path

import torch
from torch import Tensor

from bench import features, metrics, paths
from bench.data.image_set import ImageSet
from bench.errors import Damaged, StorageFailed, first_line
from bench.features.base import FeatureSpace
from bench.files.atomic import locked, remove_unfinished
from bench.files.hashing import canonical_sha256, code_sha256
from bench.files.set_aside import set_aside
from bench.files.tensors import read_sealed_tensors, write_sealed_tensors
from bench.process.progress import Progress

QUIET = Progress(visible=False)


class FeatureCache:
    """Features and statistics on disk, by the hashes of the images, the feature space and the code.

    Safe with several processes: one computes, the others wait for it; a file is there as a whole or not at all, and a
    damaged one is set aside and computed again. The whole folder can be removed at any time; where it cannot be
    written, one note says so, and the work goes on.
    """

    def __init__(self, folder: Path, progress: Progress = QUIET) -> None:
        """Keep files in `folder`; `progress` is where damaged ones are named."""
        self._folder = folder
        self._progress = progress
        self._is_said = False

    def features(self, space: FeatureSpace, images: ImageSet, progress: Progress) -> Tensor:
        """Return the features of the images, as the space gives them."""
        found = self.tensors(space, images, {}, lambda: {"features": space(images.images, progress)})
        return found["features"]

    def tensors(
        self,
        space: FeatureSpace,
        images: ImageSet,
        what: Mapping[str, str | int],
        compute: Callable[[], Mapping[str, Tensor]],
    ) -> dict[str, Tensor]:
        """Return what `compute` gives, on the space's device, or what it gave before.

        Args:
            space: the feature space.
            images: the images that the result is a function of.
            what: tells different results of the same images apart.
            compute: gives the result.
        """
        # The bits of a result depend on the machine's arithmetic too, and a record promises its bits.
        device = space.device
        if device.type == "cuda":
            arithmetic = [torch.cuda.get_device_name(device)]
        else:
            arithmetic = [torch.backends.cpu.get_cpu_capability(), str(torch.get_num_threads())]
        key = canonical_sha256(
            {
                "what": dict(what),
                "images": images.sha256,
                "space": [space.name, space.sha256, space.resize],
                "code": _code(),
                "torch": torch.__version__,
                "arithmetic": [platform.machine(), *arithmetic],
            }
        )
        path = self._folder / f"{key}.safetensors"
        processes = space.processes
        with self._alone(path) if processes.is_main else nullcontext():
            found = processes.from_main(lambda: self._read(path, key))
            if found is None:
                computed = {name: value.cpu() for name, value in compute().items()}
                processes.from_main(lambda: self._write(path, computed, key))
                found = computed
        return {name: value.to(device) for name, value in found.items()}

    def _read(self, path: Path, key: str) -> dict[str, Tensor] | None:
        """Return the tensors of a file, None where it is not there, damaged, or was written under another key."""
        try:
            if not path.exists():
                return None
            found, metadata = read_sealed_tensors(path)
            if metadata.get("key") != key:
                raise Damaged(path, "it was written under another name")
        except Damaged as error:
            try:
                set_aside([path], error, "computed again", self._progress)
            except StorageFailed as failure:
                self._say(failure)
            return None
        except OSError as error:
            self._say(error)
            return None
        return found

    def _write(self, path: Path, computed: Mapping[str, Tensor], key: str) -> None:
        try:
            remove_unfinished(self._folder, path.name)
            write_sealed_tensors(path, computed, {"key": key})
        except (StorageFailed, OSError) as failure:
            self._say(failure)

    @contextmanager
    def _alone(self, path: Path) -> Iterator[None]:
        """Let one process at a time work on a file, where the folder can be written: to keep it is no condition."""
        with ExitStack() as stack:
            try:
                stack.enter_context(locked(path))
            except StorageFailed as failure:
                self._say(failure)
            yield

    def _say(self, failure: Exception) -> None:
        """Say once that nothing is kept."""
        if not self._is_said:
            self._is_said = True
            self._progress.note(
                f"note: {first_line(failure)}; what is computed is not kept: AUTOPHAGY_CACHE names another folder"
            )


@functools.cache
def _code() -> str:
    """Return the hash of the code of features and metrics: what has been imported stays what it is."""
    return code_sha256(features, metrics)


def default_cache(progress: Progress) -> FeatureCache:
    """Return the cache in the cache folder; `progress` is where damaged files are named."""
    return FeatureCache(paths.cache_folder() / "features", progress)
