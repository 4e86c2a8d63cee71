"""How networks are run on a device: what a GPU is given, and what of it a CPU."""

import errno
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import torch
from torch import Tensor, nn

from bench import paths
from bench.errors import CannotCompile, RunFailed, first_line
from bench.process.processes import ALONE, Processes

Network = TypeVar("Network", bound=nn.Module)


# A CPU runs networks whose layers all have at least so many channels in bfloat16.
WIDE = 64
COMPILED_CODE = "TORCHINDUCTOR_CACHE_DIR"


@dataclass(frozen=True)
class Engine:
    """How networks are run on a device.

    On a CPU that multiplies bfloat16, wide networks are run in it, as `suited_to` has them; all else is plain float32.
    Measured on a quiet core of an EPYC (Zen 4), a training step of the smoke networks in bfloat16 took 26% (`mnist`)
    and 32% (`cifar10`) less time with the DDPM, sampling half as long, and 14% less with the StyleGAN of `mnist`.
    Channels last alone gained 2% with these. Narrow networks (`digits`) gain less, or lose with channels last.
    Compiled by inductor the DDPMs of `digits` and `mnist` took 1 to 2% less time on a quiet core, and compiling 27 s
    or more.

    Attributes:
        device: where networks and images live.
        bfloat16: whether convolutions and products are taken in bfloat16 (weights, losses and sums stay float32).
        channels_last: whether networks and images are laid out with the channels last, as tensor cores read them.
        compiled: whether networks go through torch.compile.
        processes: those that share the work, each with a device of its own.
        by_network: whether bfloat16 and layout are chosen for each network.
    """

    device: torch.device
    bfloat16: bool = False
    channels_last: bool = False
    compiled: bool = False
    processes: Processes = ALONE
    by_network: bool = False

    @classmethod
    def on(cls, device: torch.device, *, compiled: bool = True, processes: Processes = ALONE) -> "Engine":
        """Return the fastest engine on a device; `compiled` says whether a GPU may compile."""
        if device.type == "cuda":
            return cls(device, bfloat16=True, channels_last=True, compiled=compiled, processes=processes)
        return cls(device, processes=processes, by_network=_multiplies_bfloat16())

    def suited_to(self, channels: Sequence[int], *, channels_last: bool = False) -> "Engine":
        """Return the engine for one network, which was chosen by its shape alone: the same everywhere in a cell.

        Args:
            channels: of its layers.
            channels_last: whether it gains by that layout in bfloat16.
        """
        if not self.by_network or min(channels) < WIDE:
            return self
        return replace(self, bfloat16=True, channels_last=channels_last)

    def place(self, network: Network) -> Network:
        """Move a network to the device, into the engine's layout."""
        placed: Network = network.to(device=self.device).to(memory_format=self._layout)
        return placed

    def laid_out(self, images: Tensor) -> Tensor:
        """Return images of the device, (n, channels, height, width), in the engine's layout."""
        return images.contiguous(memory_format=self._layout)

    def moved(self, values: Tensor) -> Tensor:
        """Return a tensor of the CPU on the device; a GPU does not wait for it."""
        if self.device.type == "cuda":
            return values.pin_memory().to(self.device, non_blocking=True)
        return values.to(self.device)

    def compile(self, network: Network) -> Network:
        """Return what is called in place of a network whose inputs always have the same shapes.

        Raises:
            CannotCompile: the folder that compiled code is kept in cannot be written.
        """
        if not self.compiled:
            return network
        _keep_compiled_code()
        compiled: Network = torch.compile(network, dynamic=False)  # type: ignore[assignment]
        return compiled

    def autocast(self, *, allowed: bool = True) -> AbstractContextManager[object]:
        """Return a context in which products are taken in bfloat16, where the engine does so and it is allowed."""
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.bfloat16 and allowed)

    @contextmanager
    def explained(self, doing: str, setting: str, value: int) -> Iterator[None]:
        """Turn what a GPU has too little memory for, or cannot compile, into a RunFailed that says what to change.

        What cannot be compiled is a CannotCompile: a cell goes on without.

        Args:
            doing: what the memory is needed for.
            setting: the setting of the task file that it grows with.
            value: its value.
        """
        try:
            yield
        except torch.OutOfMemoryError as error:
            raise RunFailed(
                f"the memory of {self.device} is too small for {doing} with {setting} = {value}: lower {setting} in a "
                f"copy of the task file (which is another task), or use a GPU with more memory ({first_line(error)})"
            ) from error
        except torch._dynamo.exc.TorchDynamoException as error:
            raise CannotCompile(
                f"torch.compile failed on {self.device}: give --no-compile ({first_line(error)})"
            ) from error

    @property
    def _layout(self) -> torch.memory_format:
        return torch.channels_last if self.channels_last else torch.contiguous_format


def _multiplies_bfloat16() -> bool:
    """Return whether the CPU has instructions for products in bfloat16: without them it is slower than float32."""
    return torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()


def _keep_compiled_code() -> None:
    """Have compiled code kept in the cache folder, where every process finds it; the user may name another one."""
    # Parts of torch name its own default, in the folder for temporary files, when they are imported.
    default = str(Path(tempfile.gettempdir()) / "torchinductor_")
    if os.environ.get(COMPILED_CODE, default).startswith(default):
        os.environ[COMPILED_CODE] = str(paths.cache_folder() / "compiled")
    folder = Path(os.environ[COMPILED_CODE])
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    except OSError as error:
        raise CannotCompile(
            f"{folder}: compiled code cannot be kept there ({error.strerror}): AUTOPHAGY_CACHE or "
            "TORCHINDUCTOR_CACHE_DIR name another folder, --no-compile does without"
        ) from error
