"""The size of the U-Net that is computed from its settings, against the network itself."""

import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from bench.cells.generator_settings import DDPMSettings
from bench.cells.task import load_task, task_names
from bench.generators.schedule import NoiseSchedule
from bench.generators.unet import build_unet
from bench.generators.unet_size import unet_size

TIERS = [
    (name, tier)
    for name in task_names()
    for tier, section in load_task(name).tiers.items()
    if "ddpm" in section.generators
]


@pytest.mark.parametrize(("name", "tier"), TIERS)
def test_parameters_and_operations_are_those_of_the_network(name: str, tier: str):
    task = load_task(name)
    settings, data = task.tiers[tier].generator_settings("ddpm"), task.tier_data(tier).shape
    assert isinstance(settings, DDPMSettings)
    with torch.device("meta"):
        network = build_unet(settings, data)
        channels, side, _ = data.image_shape
        folded = torch.zeros(1, channels * settings.patch**2, side // settings.patch, side // settings.patch)
        labels = None if data.n_classes is None else torch.zeros(1, dtype=torch.int64)
        with FlopCounterMode(display=False) as counter, sdpa_kernel(SDPBackend.MATH):
            network(folded, torch.zeros(1), class_labels=labels)
    found = unet_size(settings, data)
    weights = network.state_dict().values()
    assert (found.parameters, found.tensors) == (sum(each.numel() for each in weights), len(weights))
    assert found.flops == pytest.approx(counter.get_total_flops(), rel=0.02)


@pytest.mark.parametrize(("name", "tier"), TIERS)
def test_the_sampler_takes_the_steps_that_the_settings_name(name: str, tier: str):
    settings = load_task(name).tiers[tier].generator_settings("ddpm")
    assert isinstance(settings, DDPMSettings)
    assert NoiseSchedule(settings, torch.device("cpu")).n_steps(None) == settings.sampling_steps
