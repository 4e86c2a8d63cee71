"""Where the parts that contributors add lie, in a checkout and in an installed wheel, and where caches go."""

import os
from pathlib import Path

import platformdirs

from bench.errors import BadInput

_PACKAGE = Path(__file__).resolve().parent
# A wheel carries the rooms inside the package; in a checkout they stand beside it.
ROOMS = _PACKAGE / "rooms" if (_PACKAGE / "rooms").is_dir() else _PACKAGE.parent
TASKS = ROOMS / "tasks"
BASELINES = ROOMS / "baselines"
LEADERBOARD = ROOMS / "leaderboard"
HOMELESS = "this user has no home folder (HOME is not set, and no list of users has the number)"


def baseline_names() -> list[str]:
    """Return the names of the methods that come with the package."""
    return sorted(path.stem for path in BASELINES.glob("[!.]*.py"))


def cache_folder() -> Path:
    """Return the folder for what can be computed or fetched again: AUTOPHAGY_CACHE, or one in the user's cache.

    Raises:
        BadInput: the user has no home folder, as under a number that no list of users knows.
    """
    if chosen := os.environ.get("AUTOPHAGY_CACHE"):
        return _expanded("AUTOPHAGY_CACHE", chosen)
    try:
        return Path(platformdirs.user_cache_dir("autophagy-bench"))
    except (RuntimeError, KeyError) as error:
        raise BadInput(f"{HOMELESS}: set AUTOPHAGY_CACHE to a folder that you may write to") from error


def data_folder() -> Path:
    """Return the folder for data sets: AUTOPHAGY_DATA, or a folder in the cache folder; raises as `cache_folder`."""
    chosen = os.environ.get("AUTOPHAGY_DATA")
    return _expanded("AUTOPHAGY_DATA", chosen) if chosen else cache_folder() / "data"


def _expanded(setting: str, chosen: str) -> Path:
    """Return the folder that a setting names; ~ is the user's home."""
    try:
        return Path(chosen).expanduser()
    except RuntimeError as error:
        raise BadInput(f"{setting} is {chosen}, and {HOMELESS}: set it to a path without ~") from error
