"""Data sets of the Hugging Face Hub: hf:OWNER/NAME[@REVISION][:SPLIT], fetched as parquet files.

huggingface_hub, which comes with diffusers, downloads them: it goes on where it was, and shows how far it is. What was
fetched stays in the data folder under the revision that it is of; another revision is another folder.
"""

import os
import re
from dataclasses import dataclass
from pathlib import Path

from bench.data.files import PARQUET
from bench.data.parquet import INSTALL, ParquetFiles, chosen_split, is_installed, shard_of
from bench.errors import BadInput, first_line
from bench.files.atomic import make_folder
from bench.files.validation import in_one_line
from bench.process.progress import Progress

PREFIX = "hf:"
REFERENCE = re.compile(r"hf:(?P<name>[\w.-]+/[\w.-]+)(@(?P<revision>[\w./-]+))?(:(?P<split>[\w./-]+))?")
FORM = "hf:OWNER/NAME[@REVISION][:SPLIT]"
CONVERTED = "refs/convert/parquet"  # where the hub keeps what it has converted itself
TIMEOUT_SECONDS = 30
# Errors of huggingface_hub and httpx.
WITHOUT_NETWORK = (
    "OfflineModeIsEnabled", "ConnectError", "ConnectTimeout", "ConnectionError", "LocalEntryNotFoundError",
)  # fmt: skip


@dataclass(frozen=True)
class HubSet:
    """What names a data set of the hub.

    Attributes:
        name: OWNER/NAME.
        revision: a commit, branch or tag; None for the newest.
        split: which is read; None where there is one, or one to learn from and one held out.
    """

    name: str
    revision: str | None = None
    split: str | None = None

    @classmethod
    def parse(cls, text: str) -> "HubSet":
        """Return what a text of this form names; BadInput where it has another."""
        if (match := REFERENCE.fullmatch(text)) is None:
            raise BadInput(f"{text}: write {FORM}, as in hf:merkol/ffhq-256")
        return cls(match["name"], match["revision"], match["split"])

    def __str__(self) -> str:
        revision, split = self.revision, self.split
        return f"{PREFIX}{self.name}" + f"@{revision}" * bool(revision) + f":{split}" * bool(split)


def is_hub(given: Path) -> bool:
    """Return whether what stands where a path could stand names a data set of the hub."""
    return str(given).startswith(PREFIX) and not given.exists()


def fetch(
    wanted: HubSet, folder: Path, progress: Progress, by_hand: str = "", *, numbered: bool = False
) -> ParquetFiles:
    """Download the parquet files of a data set, and list their images.

    Args:
        wanted: names the data set.
        folder: where files are kept, in a folder for each data set and revision.
        progress: where it is said what is fetched.
        by_hand: how else the images can be had, the end of a message.
        numbered: take classes by their numbers also where the files have names of them.

    Raises:
        BadInput: pyarrow is not installed, there is no network or no such data set, it has no parquet files, or it is
            unclear which are meant; the message says what to do.
    """
    if not is_installed():  # before anything is downloaded
        raise BadInput(f"{wanted}: its parquet files are read with pyarrow, which is not installed: {INSTALL}")
    from huggingface_hub import HfApi

    # That of the package is fixed when it is imported.
    api = HfApi(endpoint=os.environ.get("HF_ENDPOINT") or None)
    hint = f": {by_hand}" if by_hand else ""
    try:
        info = api.dataset_info(wanted.name, revision=wanted.revision, timeout=TIMEOUT_SECONDS)
    except Exception as error:  # of its own, of httpx, of the system
        raise BadInput(f"{wanted}: cannot be fetched ({_reason(error)}){hint}") from error
    files = sorted(each.rfilename for each in info.siblings or () if each.rfilename.lower().endswith(PARQUET))
    if not files:
        raise BadInput(
            f"{wanted}: no parquet files in it: try {HubSet(wanted.name, CONVERTED, wanted.split)}, where the hub "
            "keeps its own copy"
        )
    splits = {name: shard_of(name, Path(name)).split for name in files}
    chosen = chosen_split(wanted, sorted(set(splits.values())), wanted.split)
    files = [name for name in files if splits[name] in chosen]
    revision = str(info.sha)
    place = folder / wanted.name.replace("/", "--") / revision
    make_folder(place)
    progress.note(f"{wanted}: revision {revision}, {len(files)} files of {', '.join(chosen)}, into {place}")
    try:
        for name in files:
            api.hf_hub_download(wanted.name, name, repo_type="dataset", revision=revision, local_dir=place)
    except Exception as error:
        raise BadInput(
            f"{wanted}: the download of {name} has stopped ({_reason(error)}): the same command goes on{hint}"
        ) from error
    found = HubSet(wanted.name, revision, wanted.split)
    return ParquetFiles(place, [place / name for name in files], str(found), numbered=numbered)


def _reason(error: Exception) -> str:
    """Return why the hub gave nothing, in words."""
    kind = type(error).__name__
    if kind in ("RepositoryNotFoundError", "GatedRepoError"):
        return "there is no such data set, or it asks for a login: huggingface-cli login"
    if kind == "RevisionNotFoundError":
        return "there is no such revision"
    if kind in (
        "OfflineModeIsEnabled",
        "ConnectError",
        "ConnectTimeout",
        "ConnectionError",
        "LocalEntryNotFoundError",
    ):
        return f"no network: {in_one_line(first_line(error)) or kind}"
    return in_one_line(first_line(error)) or kind
