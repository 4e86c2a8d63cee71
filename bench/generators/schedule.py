"""The noise schedule of the DDPM: its times, what a network predicts at them, and the way from noise to images."""

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from bench.cells.generator_settings import DDPMSettings
from bench.errors import RunFailed
from bench.generators.noise import Correction, NoiseLevel


class NoiseSchedule:
    """The cosine schedule (Nichol & Dhariwal 2021) of T times, and DPM-Solver++(2M) (Lu et al. 2022) on it.

    The solver follows the ODE, or the SDE with as much fresh noise in each step as it takes away (SDE-DPM-Solver++, Lu
    et al. 2022, section 5), which mends what a network gets wrong.

    Attributes:
        noising: diffusers' schedule in training.
        solver: diffusers' sampler.
    """

    def __init__(self, settings: DDPMSettings, device: torch.device) -> None:
        """Build it; what is predicted the settings say."""
        # It takes seconds to import, and cells are planned without it.
        from diffusers import DDPMScheduler, DPMSolverMultistepScheduler

        self._settings = settings
        self._device = device
        schedule: dict[str, Any] = {
            "num_train_timesteps": settings.timesteps,
            "beta_schedule": "squaredcos_cap_v2",
            "prediction_type": settings.prediction,
        }
        self.noising = DDPMScheduler(**schedule)
        algorithm = "sde-dpmsolver++" if settings.sampler == "sde" else "dpmsolver++"
        self.solver = DPMSolverMultistepScheduler(**schedule, algorithm_type=algorithm, timestep_spacing="trailing")

    def draws(self, steps: int | None) -> int:
        """Return how often the sampler draws noise as large as an image; the last step of an SDE adds none."""
        return self.n_steps(steps) if self._settings.sampler == "sde" else 1

    def times(self, levels: Tensor) -> Tensor:
        """Return the time, int64, 0 to T, that each level in [0, 1] lies in; rounding in float32 does not matter."""
        return (levels * self._settings.timesteps + 1e-3).floor().long()

    def drawn_times(self, position: Tensor, least_noise: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """Return the times of images, and what each counts for; None where all count the same.

        In expectation over even positions, what an image adds to a loss is the mean over all levels of the plain loss
        in which those below its least noise are left out. All levels are as likely, or their logits are normal (Esser
        et al. 2024, arXiv 2403.03206): then more of the training goes to the levels around the mean.

        Args:
            position: float32 (n,), where each image is among the levels that are allowed, in [0, 1).
            least_noise: float32 (n,) in [0, 1]; None where all levels are allowed.
        """
        steps = self._settings.timesteps
        if (density := self._settings.training_levels) is not None:
            mean, deviation = density
            # The share of the density that is below what is allowed.
            left_out = torch.zeros_like(position)
            if least_noise is not None:
                lowest = self.times(least_noise).double() / steps
                left_out = torch.special.ndtr((torch.logit(lowest) - mean) / deviation).to(position)
            quantiles = left_out + position * (1 - left_out)
            levels = torch.sigmoid(mean + deviation * torch.special.ndtri(quantiles.double()))
            times = (levels * steps).long().clamp_(max=steps - 1)
            return times, None if least_noise is None else 1 - left_out
        if least_noise is None:
            return (position * steps).long().clamp_(max=steps - 1), None
        first = self.times(least_noise)
        return (first + position * (steps - first)).long().clamp_(max=steps - 1), (steps - first) / steps

    def add_noise(self, clean: Tensor, noise: Tensor, times: Tensor) -> Tensor:
        """Return noisy images, (n, channels, height, width), at times (n,)."""
        noisy: Tensor = self.noising.add_noise(clean, noise, times)
        return noisy

    def errors(self, prediction: Tensor, clean: Tensor, noise: Tensor, times: Tensor) -> Tensor:
        """Return the squared errors of predictions, (n,) or (n, channels, height, width), at times (n,).

        A network that sees large patches is narrower than what it is given, and cannot carry the noise through:
        it predicts the image (`sample`), with the loss of the velocity (Li & He 2025, arXiv 2511.13720).
        """
        match self._settings.prediction:
            case "v_prediction":
                target: Tensor = self.noising.get_velocity(clean, noise, times)
                return (prediction - target).square()
            case "epsilon":
                return (prediction - noise).square()
            case "sample":
                # The error of the velocity that the image implies: that of the image over the noise level.
                squared_levels = (1 - self.noising.alphas_cumprod[times]).clamp(min=self._settings.finest_level**2)
                return (prediction - clean).square().mean((1, 2, 3)).div(squared_levels)

    def n_steps(self, steps: int | None) -> int:
        """Return how many steps the sampler takes; RunFailed where it cannot take so many."""
        most = self._settings.timesteps
        if steps is None:
            return self._settings.sampling_steps
        if not 1 <= steps <= most:
            raise RunFailed(f"steps is {steps}: choose from 1 to {most}, the times of the noise schedule")
        return steps

    def _set_steps(self, steps: int | None) -> None:
        """Tell the solver at which times it steps: T (1 - i / n)^e - 1 in step i of n, each time once.

        An even spacing (e = 1) ends far from the image, where the mean of what it could be is a blur: with 15 steps of
        the cosine schedule at a noise level of .11, with e = 1.5 at .03.
        """
        n, most, exponent = self.n_steps(steps), self._settings.timesteps, self._settings.step_exponent
        if exponent == 1:
            self.solver.set_timesteps(n, device=self._device)
            return
        times: list[int] = []
        for i in reversed(range(n)):
            time = math.floor(most * (1 - i / n) ** exponent) - 1
            times.append(max(time, times[-1] + 1 if times else 0))
        self.solver.set_timesteps(timesteps=times[::-1], device=self._device)

    def noise_levels(self, steps: int | None) -> list[NoiseLevel]:
        """Return where the steps of the sampler are, noise first."""
        most = self._settings.timesteps
        self._set_steps(steps)
        times: list[int] = self.solver.timesteps.tolist()
        signals: list[float] = self.noising.alphas_cumprod.double()[times].tolist()
        return [
            NoiseLevel((time + 0.5) / most, math.sqrt(signal), math.sqrt(1 - signal))
            for time, signal in zip(times, signals, strict=True)
        ]

    def denoised(self, noise: Tensor, predict: Callable[[Tensor, Tensor, int], Tensor], steps: int | None) -> Tensor:
        """Go from noise to images.

        Args:
            noise: standard normal, (n, draws(steps), channels, height, width): the first is where each image begins.
            predict: is given noisy images, time and step.
            steps: how many; None for those of the settings.
        """
        self._set_steps(steps)
        noisy, fresh = noise[:, 0], noise[:, 1:].unbind(1)
        for step, time in enumerate(self.solver.timesteps):
            added = {"variance_noise": fresh[step] if step < len(fresh) else torch.zeros_like(noisy)} if fresh else {}
            noisy = self.solver.step(predict(noisy, time, step), time, noisy, **added).prev_sample
        return noisy

    def correction(self, correct: Correction, noisy: Tensor, level: NoiseLevel, labels: Tensor | None) -> Tensor:
        """Return what is added to the network's prediction where `correct` changes the image that it means."""
        with torch.inference_mode(False), torch.enable_grad():
            # What was made in inference mode cannot be part of a graph; copies can.
            change = correct(noisy.clone(), level, None if labels is None else labels.clone()).detach()
        if change.shape != noisy.shape:
            raise RunFailed(f"correct returned {tuple(change.shape)} for noisy images of {tuple(noisy.shape)}")
        if not torch.isfinite(change).all():
            raise RunFailed(f"correct returned what is not finite, at the noise level {level.level:.3g}")
        match self._settings.prediction:
            case "v_prediction":
                return change * (-1 / level.noise)
            case "epsilon":
                return change * (-level.signal / level.noise)
            case "sample":
                return change
