"""Where the parts that contributors add lie, in a checkout and in an installed wheel, and where caches go."""

import os
from pathlib import Path

import platformdirs

_PACKAGE = Path(__file__).resolve().parent
# A wheel carries the rooms inside the package; in a checkout they stand beside it.
ROOMS = _PACKAGE / "rooms" if (_PACKAGE / "rooms").is_dir() else _PACKAGE.parent
TASKS = ROOMS / "tasks"
BASELINES = ROOMS / "baselines"
LEADERBOARD = ROOMS / "leaderboard"


def baseline_names() -> list[str]:
    """Return the names of the methods that come with the package."""
    return sorted(path.stem for path in BASELINES.glob("*.py"))


def cache_folder() -> Path:
    """Return the folder for what can be computed or fetched again: AUTOPHAGY_CACHE, or one in the user's cache."""
    chosen = os.environ.get("AUTOPHAGY_CACHE")
    return Path(chosen).expanduser() if chosen else Path(platformdirs.user_cache_dir("autophagy-bench"))


def data_folder() -> Path:
    """Return the folder for data sets: AUTOPHAGY_DATA, or a folder in the cache folder."""
    chosen = os.environ.get("AUTOPHAGY_DATA")
    return Path(chosen).expanduser() if chosen else cache_folder() / "data"
