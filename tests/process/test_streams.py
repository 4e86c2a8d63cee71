"""Messages that nobody can read are no reason to stop."""

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

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
