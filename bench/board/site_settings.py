"""What the pages say of a leaderboard as a whole: `site.toml` of its folder, which may be missing."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from bench.cells.submitted import Link
from bench.errors import BadInput
from bench.files.limits import MOST_TASK_BYTES
from bench.files.untrusted import parse_toml, read_untrusted
from bench.files.validation import one_line, validate_strictly


class SiteSettings(BaseModel):
    """The settings of a site.

    Attributes:
        repository: the web address of the repository, None where the pages should not lead to one.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    repository: Link | None = None


def read_site_settings(leaderboard: Path) -> SiteSettings:
    """Return the settings of a leaderboard, the usual ones where it has no file of them.

    Raises:
        BadInput: the file has other keys, or an address that is no web page's.
    """
    path = leaderboard / "site.toml"
    if not path.exists():
        return SiteSettings()
    try:
        return validate_strictly(SiteSettings, parse_toml(path, read_untrusted(path, MOST_TASK_BYTES)))
    except ValidationError as error:
        raise BadInput(f"{path}: {one_line(error)}") from error
