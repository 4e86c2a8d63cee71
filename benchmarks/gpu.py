"""What only a GPU can tell, in one command: ten minutes at a time, the most telling first, nothing lost when cut.

    python benchmarks/gpu.py                                 # nine minutes on the first GPU, into gpu-day/
    python benchmarks/gpu.py --minutes 30 --data MNIST       # goes on with what is missing; cells of mnist too
    python benchmarks/gpu.py --device cpu --out rehearsal    # everything with tiny sizes: a rehearsal
    python benchmarks/gpu.py --table                         # what was found, as Markdown
    python benchmarks/gpu.py --apply                         # task files with the budgets that this device buys
    python benchmarks/gpu.py --page                          # docs/gpu.md, from the reports in benchmarks/measured

Each job runs in a process of its own, in the order of what it tells; a crash, a lack of memory or a kernel that hangs
costs its own part alone. What a part finds is written at once. The same command skips what is there, and tries again
what has failed or was cut. Exit status: 0 done (what was not run is said), 2 bad input, 130 and 143 stopped.

A machine without a network needs the packages and MNIST's four files brought along: docs/gpu.md says how.
"""

import argparse
import functools
import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from gpu_day import budgets, page
from gpu_day.parts import STAGES, chosen_stages, jobs
from gpu_day.report import Device, Folder, Report, read_report
from gpu_day.runner import Job, Runner, Worker, lanes_of

from bench.errors import BadInput
from bench.files.atomic import write_text
from bench.files.validation import in_one_line
from bench.process.interruption import Interrupted, stop_if_asked, stoppable

OUT = Path("gpu-day")
MOST_MINUTES = 24 * 60


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise BadInput(f"{message} (see --help)")


def parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Return the options."""
    stages = "\n".join(f"  {letter}  {what}" for letter, what in STAGES.items())
    parser = _Parser(
        description=__doc__, epilog=f"stages:\n{stages}", formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=9.0, metavar="N", help="that it may take [9]")
    parser.add_argument("--stages", default=",".join(STAGES), metavar="LETTERS", help="with commas between [all]")
    parser.add_argument("--out", type=Path, default=OUT, metavar="DIR", help="of one device alone [gpu-day]")
    parser.add_argument("--device", default="auto", metavar="NAME", help="auto, cuda:1, or cpu for a rehearsal [auto]")
    parser.add_argument("--data", type=Path, metavar="DIR", help="of MNIST, as for autophagy run [the data folder]")
    instead = parser.add_mutually_exclusive_group()
    instead.add_argument("--table", action="store_true", help="print what --out has, as Markdown; measure nothing")
    instead.add_argument("--apply", action="store_true", help="write task files with budgets into --out/tasks")
    instead.add_argument("--page", action="store_true", help="write docs/gpu.md anew")
    hidden = parser.add_argument_group()
    for name, kind in (
        ("--worker", str),
        ("--parts", str),
        ("--seconds", float),
        ("--parent", int),
        ("--commit", str),
    ):
        hidden.add_argument(name, type=kind, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if not (math.isfinite(options.minutes) and 0 < options.minutes <= MOST_MINUTES):
        raise BadInput(f"--minutes {options.minutes:g}: choose a number above 0, up to {MOST_MINUTES}")
    options.letters = chosen_stages(options.stages)
    if options.data is not None and not options.data.exists():
        raise BadInput(f"--data {options.data}: nothing there: name the folder that holds MNIST/raw")
    return options


def measure(options: argparse.Namespace) -> None:
    """Measure what is missing, and say what was not."""
    folder = Folder(options.out)
    started = time.monotonic()
    if options.out.exists() and not options.out.is_dir():
        raise BadInput(f"--out {options.out}: a file: name a folder")
    device = probed(options, folder)  # before anything is written
    folder.make()
    with folder.lock():
        folder.check_device(device)
        print(f"{device.name}: {options.minutes:g} minutes, into {folder.path}", file=sys.stderr)
        runner = Runner(
            folder,
            functools.partial(start, options, folder, device),
            minutes=options.minutes,
            lanes=lanes_of(device.cores, device.memory_bytes),
            spent=time.monotonic() - started,  # by the look at the device
        )
        stop_if_asked()
        runner.run(jobs(options.letters))
        failed = {part: each.failed for part, each in folder.report().parts.items() if each.failed}
    for part, reason in (failed | runner.not_run).items():
        print(f"{part}: {'FAILED: ' if part in failed else 'not run: '}{in_one_line(reason)}", file=sys.stderr)
    report = folder.path / "report.json"
    print(f"Everything found is in {report}. To see it: python benchmarks/gpu.py --table --out {folder.path}")
    if not device.rehearsal:
        name = f"{device.name}-{device.date}".replace(" ", "-")
        print(f"To publish it: cp {report} benchmarks/measured/{name}.json && python benchmarks/gpu.py --page")


def command_of(options: argparse.Namespace, *more: str) -> list[str]:
    """Return this command with options of a worker."""
    command = [sys.executable, str(Path(__file__).resolve()), f"--out={options.out}", f"--device={options.device}"]
    return [*command, *([] if options.data is None else [f"--data={options.data}"]), *more]


def probed(options: argparse.Namespace, folder: Folder) -> Device:
    """Look at the device in a process of its own, so that this one holds nothing of it.

    Raises:
        BadInput: it cannot be measured.
    """
    command = command_of(options, "--worker=probe")
    program = subprocess.run(command, capture_output=True, text=True, env=environment_of(folder, None))
    if program.returncode == 2:
        raise BadInput(program.stderr.strip().splitlines()[-1].removeprefix("gpu.py: error: "))
    if program.returncode:
        sys.stderr.write(program.stderr)
        raise BadInput(f"--device {options.device}: cannot be looked at, for the reason above")
    return Device.model_validate_json(program.stdout.splitlines()[-1])


def start(
    options: argparse.Namespace, folder: Folder, device: Device, job: Job, parts: Sequence[str], seconds: float
) -> Worker:
    """Start the worker of a job."""
    more = [f"--worker={job.name}", f"--parts={','.join(parts)}", f"--seconds={seconds}", f"--parent={os.getpid()}"]
    if device.commit is not None:
        more.append(f"--commit={device.commit}{'+' if device.dirty else ''}")
    return Worker(command_of(options, *more), folder.logs / f"{job.name}.log", environment_of(folder, job))


def environment_of(folder: Folder, job: Job | None) -> dict[str, str]:
    """Return what a worker finds in its environment: code that is compiled for this device stays in its folder."""
    found = os.environ | {
        "PYTHONUNBUFFERED": "1",
        "TORCHINDUCTOR_CACHE_DIR": str(folder.compiled.resolve()),
        "AUTOPHAGY_CACHE": str((folder.work / "cache").resolve()),
    }
    if "AUTOPHAGY_DATA" not in found:
        from bench.paths import data_folder

        found["AUTOPHAGY_DATA"] = str(data_folder())
    if job is not None and job.together:
        # Many at once: threads of each that wait for cores would make all of them slow.
        for name, threads in (("OMP_NUM_THREADS", 2), ("TORCHINDUCTOR_COMPILE_THREADS", 4)):
            found.setdefault(name, str(threads))
    if job is not None and job.name == "a.deterministic":
        found["CUBLAS_WORKSPACE_CONFIG"] = ":4096:8"  # without it torch's deterministic mode refuses matrix products
    return found


def work(options: argparse.Namespace) -> int:
    """Be a worker, or look at the device."""
    if options.worker == "probe":
        from gpu_day.probe import probe

        print(probe(options.device).model_dump_json())
        return 0
    import torch
    from gpu_day.worker import Bench
    from gpu_day.worker import work as measured

    name = "cuda:0" if options.device == "auto" else options.device
    bench = Bench(
        folder=Folder(options.out), device=torch.device(name), tiny=name == "cpu", data=options.data,
        until=time.monotonic() + options.seconds,
    )  # fmt: skip
    return measured(bench, options.worker, options.parts.split(","), options.parent, options.commit)


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what was asked for, and return the exit status."""
    try:
        options = parsed(arguments)
        if options.worker is not None:
            return work(options)
        if options.page:
            write_text(page.PAGE, page.page(page.kept_reports()))
            print(page.PAGE)
        elif options.table:
            print(page.section(report_of(options.out)))
        elif options.apply:
            for path in budgets.apply(report_of(options.out), options.out / "tasks"):
                print(path)
        else:
            with stoppable():
                measure(options)
        return 0
    except BadInput as error:
        print(f"gpu.py: error: {in_one_line(' '.join(str(error).split()))}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"gpu.py: error: {error.filename}: {error.strerror}", file=sys.stderr)
        return 2
    except KeyboardInterrupt as interrupt:
        by = interrupt.by if isinstance(interrupt, Interrupted) else signal.SIGINT
        print(f"gpu.py: stopped by {by.name}. What was found is kept: the same command goes on.", file=sys.stderr)
        return 128 + by


def report_of(out: Path) -> Report:
    """Return what a folder or a report says."""
    return read_report(out) if out.is_file() else Folder(out).report()


if __name__ == "__main__":
    sys.exit(main())
