"""What the pages say of a leaderboard as a whole."""

import re
from pathlib import Path

import pytest

from bench.board.site_settings import read_site_settings
from bench.errors import BadInput


def test_without_a_file_the_pages_lead_to_no_repository(tmp_path: Path):
    assert read_site_settings(tmp_path).repository is None


def test_the_committed_file_names_no_host_that_was_made_up():
    from bench.paths import LEADERBOARD

    assert read_site_settings(LEADERBOARD).repository is None


def test_the_repository_is_a_web_address(tmp_path: Path):
    (tmp_path / "site.toml").write_text('repository = "https://example.org/us/autophagy"\n')
    assert read_site_settings(tmp_path).repository == "https://example.org/us/autophagy"


@pytest.mark.parametrize(
    "line",
    [
        'repository = "javascript:hostile(1)"',
        'repository = "https://a.example/\\"><script>"',
        "repository = 1",
        'host = "x"',
    ],
)
def test_what_is_no_web_address_is_refused_with_the_file(tmp_path: Path, line: str):
    (tmp_path / "site.toml").write_text(line)
    with pytest.raises(BadInput, match=re.escape(str(tmp_path / "site.toml"))):
        read_site_settings(tmp_path)
