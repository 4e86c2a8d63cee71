"""Completion in a shell, asked as bash asks it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("argcomplete")


@pytest.mark.parametrize(
    ("line", "among"),
    [
        ("autophagy sc", {"score"}),
        ("autophagy run --see", {"--seeds"}),
        ("autophagy run --loop fr", {"fresh_data"}),
        ("autophagy run --method none,neo", {"none,neon"}),
        ("autophagy score a b --features effi", {"efficientnet-lite0"}),
        ("autophagy list ta", {"tasks"}),
    ],
)
def test_the_word_is_completed(tmp_path: Path, line: str, among: set[str]):
    answer = tmp_path / "answer"
    asked = {"_ARGCOMPLETE": "1", "_ARGCOMPLETE_IFS": "\n", "_ARGCOMPLETE_STDOUT_FILENAME": str(answer)}
    asked |= {"COMP_LINE": line, "COMP_POINT": str(len(line)), "_ARGCOMPLETE_SUPPRESS_SPACE": "1"}
    program = "import sys; from bench.cli.main import main; sys.exit(main())"
    subprocess.run([sys.executable, "-c", program], env=os.environ | asked, capture_output=True, check=False)
    assert set(answer.read_text().split("\n")) == among
