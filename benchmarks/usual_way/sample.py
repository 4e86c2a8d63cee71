"""Sample from a saved pipeline to PNG files.

The scheduler is the fast one that the documentation of diffusers recommends in place of DDPM's thousand steps.
"""

import argparse
import json
import time
from pathlib import Path

import torch
from diffusers import DDPMPipeline, DPMSolverMultistepScheduler


def main() -> None:
    """Sample, write, and print the seconds."""
    started = time.perf_counter()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, required=True, help="folder of the pipeline")
    parser.add_argument("--output_dir", type=Path, required=True)
    parser.add_argument("--samples", type=int, required=True)
    parser.add_argument("--batch_size", type=int, default=100)
    parser.add_argument("--num_inference_steps", type=int, default=15)
    parser.add_argument("--device", type=torch.device, default="cpu", help="float16 on cuda")
    options = parser.parse_args()

    dtype = torch.float16 if options.device.type == "cuda" else torch.float32
    pipeline = DDPMPipeline.from_pretrained(options.model).to(options.device, dtype)
    pipeline.scheduler = DPMSolverMultistepScheduler.from_config(
        pipeline.scheduler.config, timestep_spacing="trailing"
    )
    pipeline.set_progress_bar_config(disable=True)
    generator = torch.Generator(options.device).manual_seed(0)
    options.output_dir.mkdir(parents=True)
    for start in range(0, options.samples, options.batch_size):
        n = min(options.batch_size, options.samples - start)
        images = pipeline(n, generator, options.num_inference_steps).images
        for i, image in enumerate(images, start):
            image.save(options.output_dir / f"{i:06d}.png")
    print(json.dumps({"stages": {"sampling": time.perf_counter() - started}}))


if __name__ == "__main__":
    main()
