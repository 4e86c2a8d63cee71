"""Where caches and data go."""

from pathlib import Path

import numpy as np
import pytest

from bench import paths
from bench.cli.main import main
from bench.errors import BadInput


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


@pytest.fixture
def homeless(monkeypatch: pytest.MonkeyPatch):
    """Be a user without HOME whose number no list of users knows, as of `docker run --user 12345`."""

    def unknown(number: int) -> None:
        raise KeyError(f"getpwuid(): uid not found: {number}")

    pwd = pytest.importorskip("pwd")
    for name in ("HOME", "AUTOPHAGY_CACHE", "AUTOPHAGY_DATA", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(pwd, "getpwuid", unknown)


def test_a_user_without_a_home_is_told_what_to_set(homeless: None, capsys: pytest.CaptureFixture[str], tmp_path: Path):
    np.save(tmp_path / "images.npy", np.zeros((9, 1, 8, 8), np.uint8))
    images = str(tmp_path / "images.npy")
    for words in (["score", images, images, "--features", "identity"], ["data", "mnist"]):
        assert main(words) == 2
        said = capsys.readouterr().err
        assert "set AUTOPHAGY_CACHE to a folder that you may write to" in said.splitlines()[-1]
        assert "Traceback" not in said


def test_a_tilde_without_a_home_is_named_with_its_setting(homeless: None, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AUTOPHAGY_DATA", "~/data")
    with pytest.raises(BadInput, match=r"^AUTOPHAGY_DATA is ~/data, and this user has no home folder.* without ~$"):
        paths.data_folder()


def test_with_the_settings_a_user_without_a_home_is_like_any_other(
    homeless: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    monkeypatch.setenv("AUTOPHAGY_CACHE", str(tmp_path))
    assert (paths.cache_folder(), paths.data_folder()) == (tmp_path, tmp_path / "data")


def test_hidden_files_are_no_baselines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    for name in ("a.py", "._a.py"):
        (tmp_path / name).write_text("")
    monkeypatch.setattr(paths, "BASELINES", tmp_path)
    assert paths.baseline_names() == ["a"]
