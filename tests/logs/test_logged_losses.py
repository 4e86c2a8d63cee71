"""Which losses of a fit are logged."""

from bench.process.progress import LOGGED_STEPS, Progress


def logged_steps(steps: int) -> list[int]:
    logged = []
    progress = Progress(visible=False, log_losses=lambda losses: logged.append(losses["step"]))
    for step in range(1, steps + 1):
        progress.losses(step, steps, lambda step=step: {"step": step})
    return logged


def test_a_long_fit_logs_the_losses_of_steps_that_are_evenly_far_apart_and_of_the_last():
    assert logged_steps(1_000) == list(range(1_000 // LOGGED_STEPS, 1_001, 1_000 // LOGGED_STEPS))
    assert logged_steps(1_005)[-2:] == [1_000, 1_005]


def test_a_short_fit_logs_the_losses_of_every_step():
    assert logged_steps(8) == [1, 2, 3, 4, 5, 6, 7, 8]


def test_losses_are_not_fetched_where_nobody_logs_them():
    Progress(visible=False).losses(1, 1, lambda: 1 / 0)


def test_what_takes_the_losses_stays_within():
    logged = []
    Progress(visible=False, log_losses=logged.append).within("generation 2/3").losses(1, 1, lambda: {"loss": 0.5})
    assert logged == [{"loss": 0.5}]
