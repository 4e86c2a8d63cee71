"""Messages that nobody can read are no reason to stop."""

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bench.cli.main import PIPE_CLOSED
from bench.paths import LEADERBOARD
from bench.process import streams
from bench.process.progress import Progress


class Full(io.StringIO):
    """A stream behind which the disk is full."""

    def write(self, text: str) -> int:
        raise OSError(28, "No space left on device")

    def flush(self) -> None:
        self.write("")

    def isatty(self) -> bool:
        return bool(self.write(""))


@pytest.mark.parametrize("broken", [None, Full(), io.StringIO()], ids=["closed before", "full", "closed"])
def test_progress_goes_on_without_stderr(broken: io.StringIO | None, monkeypatch: pytest.MonkeyPatch, capsys):
    if type(broken) is io.StringIO:
        broken.close()
    monkeypatch.setattr(sys, "stderr", broken)
    progress = Progress()
    progress.note("read")
    with progress.bar("fit", 3) as bar:
        bar.update(3)
    assert capsys.readouterr().out == ""


def test_what_is_written_arrives(monkeypatch: pytest.MonkeyPatch):
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    print("a", file=streams.stderr())
    assert stream.getvalue() == "a\n"


CODE = "import os; from bench.process import streams; streams.fill_closed(); print(os.open('file', os.O_CREAT) > 2)"


def test_a_file_does_not_get_the_number_of_a_stream_that_is_closed(tmp_path):
    environment = os.environ | {"PYTHONPATH": str(Path.cwd())}
    command = f'"{sys.executable}" -c "{CODE}" 2>&-'
    found = subprocess.run(command, shell=True, stdout=subprocess.PIPE, cwd=tmp_path, env=environment, check=True)
    assert found.stdout == b"True\n"


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["--help"],
        ["list"],
        ["run", "--help"],
        ["compare", str(LEADERBOARD / "results"), "--csv"],  # more than a buffer holds
    ],
    ids=lambda words: " ".join(word for word in words if "/" not in word),
)
def test_a_reader_who_wants_no_more_of_stdout_ends_the_command_quietly(words: list[str]):
    """As `autophagy list | head -1`, whose reader has gone before the first line is written."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    reading, writing = os.pipe()
    os.close(reading)
    try:
        command = [sys.executable, "-m", "bench.cli.main", *words]
        ended = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, text=True, env=environment)
    finally:
        os.close(writing)
    assert ended.returncode == PIPE_CLOSED
    # What a command says beside its results stays what it is.
    assert [line for line in ended.stderr.splitlines() if not line.startswith("autophagy: ")] == []
    assert "error" not in ended.stderr.lower()
