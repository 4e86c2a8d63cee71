"""Where caches and data go."""

from pathlib import Path

import pytest

from bench import paths


def test_the_cache_folder_is_the_one_in_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AUTOPHAGY_CACHE", str(tmp_path))
    assert paths.cache_folder() == tmp_path


def test_a_cache_folder_may_be_below_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AUTOPHAGY_CACHE", "~/scratch")
    assert paths.cache_folder() == tmp_path / "scratch"


@pytest.mark.parametrize("chosen", [None, ""])
def test_otherwise_the_cache_folder_is_in_the_users_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chosen: str | None
):
    monkeypatch.delenv("AUTOPHAGY_CACHE")
    if chosen is not None:
        monkeypatch.setenv("AUTOPHAGY_CACHE", chosen)
    monkeypatch.setattr("platformdirs.user_cache_dir", lambda name: str(tmp_path / name))
    assert paths.cache_folder() == tmp_path / "autophagy-bench"


def test_the_data_folder_is_the_one_in_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AUTOPHAGY_DATA", str(tmp_path))
    assert paths.data_folder() == tmp_path


def test_otherwise_the_data_folder_is_in_the_cache_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("AUTOPHAGY_DATA", raising=False)
    monkeypatch.setenv("AUTOPHAGY_CACHE", str(tmp_path))
    assert paths.data_folder() == tmp_path / "data"


@pytest.mark.parametrize("room", [paths.TASKS, paths.BASELINES, paths.LEADERBOARD])
def test_the_rooms_are_there(room: Path):
    assert room.is_dir()
