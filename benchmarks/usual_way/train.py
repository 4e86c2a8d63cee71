"""Train an unconditional DDPM on a folder of PNG files, and save it as a pipeline.

Written after examples/unconditional_image_generation/train_unconditional.py of diffusers, with its options' names and
its defaults. Left out is what only that script pays for: the resize of images that have the right size, TensorBoard,
the progress bar, and the samples and copies of the model that it saves on the way. Images are drawn in whole batches,
and the workers that read them start once and not every epoch.
"""

import argparse
import json
import time
from collections.abc import Iterator
from pathlib import Path

import torch
from diffusers import DDPMPipeline, DDPMScheduler, UNet2DModel
from diffusers.optimization import get_scheduler
from diffusers.training_utils import EMAModel
from PIL import Image
from torch import Tensor
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset, RandomSampler
from torchvision.transforms import Compose, Normalize, RandomHorizontalFlip, ToTensor


class ImageFolder(Dataset):
    """The PNG files of a folder as float32 (channels, height, width) in [-1, 1]."""

    def __init__(self, folder: Path, *, random_flip: bool) -> None:
        self._files = sorted(folder.glob("*.png"))
        flip = [RandomHorizontalFlip()] if random_flip else []
        self._transform = Compose([*flip, ToTensor(), Normalize([0.5], [0.5])])

    def __len__(self) -> int:
        return len(self._files)

    def __getitem__(self, i: int) -> Tensor:
        with Image.open(self._files[i]) as image:
            return self._transform(image)


def training_steps(
    network: UNet2DModel, ema: EMAModel, scheduler: DDPMScheduler, dataset: Dataset, options: argparse.Namespace
) -> Iterator[float]:
    """Train on whole batches, in which every image comes once an epoch, and yield the losses."""
    device = options.device
    loader = DataLoader(
        dataset,
        batch_size=options.train_batch_size,
        sampler=RandomSampler(dataset, num_samples=options.max_train_steps * options.train_batch_size),
        num_workers=options.dataloader_num_workers,
        pin_memory=device.type == "cuda",
    )
    optimizer = torch.optim.AdamW(
        network.parameters(), lr=options.learning_rate, betas=(0.95, 0.999), weight_decay=1e-6, eps=1e-8
    )
    lr_scheduler = get_scheduler(
        "cosine",
        optimizer=optimizer,
        num_warmup_steps=options.lr_warmup_steps,
        num_training_steps=options.max_train_steps,
    )
    network.train()
    for batch in loader:
        clean = batch.to(device, non_blocking=True)
        noise = torch.randn(clean.shape, device=device)
        timesteps = torch.randint(0, scheduler.config.num_train_timesteps, (len(clean),), device=device).long()
        noisy = scheduler.add_noise(clean, noise, timesteps)
        with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
            prediction = network(noisy, timesteps).sample
        loss = F.mse_loss(prediction.float(), target(scheduler, clean, noise, timesteps))
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        lr_scheduler.step()
        optimizer.zero_grad()
        ema.step(network.parameters())
        yield loss.detach().item()


def target(scheduler: DDPMScheduler, clean: Tensor, noise: Tensor, timesteps: Tensor) -> Tensor:
    """Return what the network is to predict."""
    match scheduler.config.prediction_type:
        case "v_prediction":
            return scheduler.get_velocity(clean, noise, timesteps)
        case "epsilon":
            return noise
        case "sample":
            return clean
    raise ValueError(f"prediction_type is {scheduler.config.prediction_type}")


def new_scheduler(options: argparse.Namespace) -> DDPMScheduler:
    """Return the noise schedule."""
    return DDPMScheduler(
        num_train_timesteps=options.ddpm_num_steps,
        beta_schedule=options.ddpm_beta_schedule,
        prediction_type=options.prediction_type,
    )


def new_ema(network: UNet2DModel) -> EMAModel:
    """Return the weight average that the script makes."""
    return EMAModel(network.parameters(), decay=0.9999, use_ema_warmup=True, inv_gamma=1.0, power=3 / 4)


def parsed(arguments: list[str] | None = None) -> argparse.Namespace:
    """Return the options."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--train_data_dir", type=Path)
    parser.add_argument("--output_dir", type=Path)
    parser.add_argument("--model_config_name_or_path", type=Path, help="JSON file of a UNet2DModel")
    parser.add_argument("--train_batch_size", type=int, default=16)
    parser.add_argument("--max_train_steps", type=int, required=True)
    parser.add_argument("--dataloader_num_workers", type=int, default=0)
    parser.add_argument("--learning_rate", type=float, default=1e-4)
    parser.add_argument("--lr_warmup_steps", type=int, default=500)
    parser.add_argument("--random_flip", action="store_true")
    parser.add_argument("--prediction_type", default="epsilon")
    parser.add_argument("--ddpm_num_steps", type=int, default=1000)
    parser.add_argument("--ddpm_beta_schedule", default="linear")
    parser.add_argument("--device", type=torch.device, default="cpu", help="bfloat16 (autocast) on cuda")
    return parser.parse_args(arguments)


def main() -> None:
    """Train, save, and print the seconds and the number of parameters."""
    started = time.perf_counter()
    options = parsed()
    config = json.loads(options.model_config_name_or_path.read_text())
    network = UNet2DModel.from_config(config).to(options.device)
    ema = new_ema(network)
    scheduler = new_scheduler(options)
    dataset = ImageFolder(options.train_data_dir, random_flip=options.random_flip)
    losses = list(training_steps(network, ema, scheduler, dataset, options))
    ema.copy_to(network.parameters())
    DDPMPipeline(unet=network, scheduler=scheduler).save_pretrained(options.output_dir)
    print(
        json.dumps(
            {
                "stages": {"training": time.perf_counter() - started},
                "parameters": sum(weight.numel() for weight in network.parameters()),
                "images_trained": len(losses) * options.train_batch_size,
            }
        )
    )


if __name__ == "__main__":
    main()
