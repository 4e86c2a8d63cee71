"""A report that is made up: what a GPU day would leave if it had measured these figures."""

from typing import Any

from gpu_day.report import Device, Part, Report

DEVICE = Device(
    name="NVIDIA Made Up", kind="cuda", rehearsal=False, memory_bytes=80 * 2**30, capability="9.0", driver="580.1",
    cuda="13.0", torch="2.11.0", python="3.12.3", cores=16, date="2026-01-31", commit="a" * 40, dirty=False,
)  # fmt: skip
SPEED = {
    "batch": 256, "images_per_second": 20_000.0, "step_seconds": 0.0128, "first_step_seconds": 4.0, "spread": 0.01,
    "flops": 2e14, "share_of_product": 0.26, "peak_memory_bytes": 2**33,
}  # fmt: skip
FOUND: dict[str, dict[str, Any]] = {
    "b.cifar10-ddpm.compiled": SPEED,
    "b.mnist-ddpm.compiled": SPEED | {"images_per_second": 50_000.0, "share_of_product": 0.1},
    "b.ffhq64-stylegan.compiled": SPEED | {"images_per_second": 1_000.0},
    "b.cifar10-ddpm.profile": {
        "working_seconds": 0.006, "launches": 812.0, "busy": 0.47, "kernels": {"a_kernel": 0.003, "b|kernel": 0.001},
    },
    "c.cifar10-ddpm": {"batch": 1000, "evaluations": 20, "plain_images_per_second": 1000.0, "normals_seconds": 0.05},
    "c.mnist-ddpm": {"batch": 1000, "evaluations": 20, "plain_images_per_second": 2000.0, "normals_seconds": 0.01},
    "c.ffhq64-stylegan": {"batch": 500, "evaluations": 1, "plain_images_per_second": 1e5, "normals_seconds": 0.02},
    "d.metrics": {"n": 50_000, "dim": 2048, "reference_seconds": 3.0, "fid_seconds": 1.0, "prdc_seconds": 2.5},
    "d.inception": {"batch": 256, "side": 32, "n": 50_000, "seconds": 20.0, "images_per_second": 2500.0},
}  # fmt: skip


def made_up(**changes: Any) -> Report:
    """Return the report; `changes` are of its device."""
    parts = {name: Part(found=found, whole=True, seconds=5) for name, found in FOUND.items()}
    parts["e.training"] = Part(failed="OutOfMemoryError: CUDA out of memory", seconds=3)
    parts["d.features.clean-fid"] = Part(found={"not_here": "not installed: no clean-fid"}, whole=True)
    return Report(device=Device.model_validate(DEVICE.model_dump() | changes), parts=parts)
