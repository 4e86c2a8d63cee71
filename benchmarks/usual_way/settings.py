"""Our settings of a DDPM in the words of the usual way, so that both do the same work."""

import sys

from bench.cells.generator_settings import GROUPS, DDPMSettings
from bench.cells.task_sections import DataSection
from bench.generators.training import WARMUP_FRACTION


def model_config(settings: DDPMSettings, data: DataSection) -> dict[str, object]:
    """Return the configuration of a UNet2DModel."""
    if settings.patch != 1:
        sys.exit(f"patch is {settings.patch}: the usual way folds no patches, choose another tier")
    channels, height, _ = data.image_shape
    levels = len(settings.channels)
    return {
        "sample_size": height,
        "in_channels": channels,
        "out_channels": channels,
        "layers_per_block": settings.layers_per_block,
        "block_out_channels": settings.channels,
        "down_block_types": ["DownBlock2D"] * levels,
        "up_block_types": ["UpBlock2D"] * levels,
        "norm_num_groups": GROUPS,
        "resnet_time_scale_shift": "scale_shift",
        "add_attention": settings.attention,
    }


def training_options(settings: DDPMSettings, data: DataSection, device: str, workers: int) -> list[str]:
    """Return command-line options of train.py."""
    options = {
        "train_batch_size": settings.batch_size,
        "max_train_steps": settings.steps,
        "dataloader_num_workers": workers,
        "learning_rate": settings.learning_rate,
        "lr_warmup_steps": round(WARMUP_FRACTION * settings.steps),
        "prediction_type": settings.prediction,
        "ddpm_num_steps": settings.timesteps,
        "ddpm_beta_schedule": "squaredcos_cap_v2",
        "device": device,
    }
    return [f"--{name}={value}" for name, value in options.items()] + ["--random_flip"] * data.horizontal_flips
