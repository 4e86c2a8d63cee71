"""Weights of feature networks: fetched once, held against their hash, kept in a cache folder."""

import hashlib
import http.client
import os
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from bench import paths
from bench.errors import BadInput
from bench.files.atomic import locked
from bench.files.hashing import file_sha256
from bench.files.limits import MOST_WEIGHTS_BYTES
from bench.files.untrusted import check_file
from bench.process.progress import Progress

CHUNK = 1 << 20
TIMEOUT_SECONDS = 30


def check_weights(path: Path, space: str, sha256: str) -> Path:
    """Return the path of a space's weights; BadInput where the file cannot be read or has another hash."""
    try:
        check_file(path, MOST_WEIGHTS_BYTES)
        found = file_sha256(path)
    except BadInput as error:
        raise BadInput(f"{error}: these should be the weights of feature space '{space}'") from error
    except OSError as error:
        raise BadInput(f"{path}: cannot read the weights of feature space '{space}': {error.strerror}") from error
    if found != sha256:
        raise BadInput(f"{path}: SHA-256 is {found}, feature space '{space}' needs {sha256}")
    return path


@dataclass(frozen=True)
class WeightsFile:
    """A published file of weights.

    Attributes:
        space: the feature space that it is for.
        url: where it is published.
        sha256: the hash of the right file.
    """

    space: str
    url: str
    sha256: str

    @property
    def file_name(self) -> str:
        """The name of the file where it is published and in the cache."""
        return self.url.rpartition("/")[2]

    @property
    def cached(self) -> Path:
        """Where a download is kept."""
        return paths.cache_folder() / "weights" / self.file_name

    def obtain(self, given: Path | None, progress: Progress) -> Path:
        """Return the path of the right file: the one given, the one in the cache, or a new download.

        Raises:
            BadInput: the file is not the right one, or it cannot be had; the message says what to do.
        """
        if given is not None:
            return check_weights(given, self.space, self.sha256)
        path = self.cached
        if not path.exists():
            # Of several processes one downloads, the others wait.
            with locked(path):
                if not path.exists():
                    self._download(path, progress)
        try:
            return check_weights(path, self.space, self.sha256)
        except BadInput as error:
            raise BadInput(f"{error}: remove it, and it is downloaded again") from error

    def _download(self, path: Path, progress: Progress) -> None:
        """Download to a temporary file and rename it when its hash is right."""
        temporary = path.with_name(f".{path.name}.{os.getpid()}")
        digest = hashlib.sha256()
        try:
            with urllib.request.urlopen(self.url, timeout=TIMEOUT_SECONDS) as response, temporary.open("wb") as file:
                total = int(response.headers.get("Content-Length") or 0)
                with progress.bar(f"download {self.file_name}", total, unit="B") as bar:
                    while chunk := response.read(CHUNK):
                        digest.update(chunk)
                        file.write(chunk)
                        bar.update(len(chunk))
                        if file.tell() > MOST_WEIGHTS_BYTES:
                            raise BadInput(
                                f"{self.url}: has more than {MOST_WEIGHTS_BYTES:,} bytes: it is not the file that it "
                                "was; nothing is kept"
                            )
            if digest.hexdigest() != self.sha256:
                raise BadInput(
                    f"{self.url}: the download has SHA-256 {digest.hexdigest()}, feature space '{self.space}' needs "
                    f"{self.sha256}: it was cut short or the file was replaced; nothing is kept"
                )
            temporary.replace(path)
        except (OSError, ValueError, http.client.HTTPException) as error:
            reason = error.reason if isinstance(error, urllib.error.URLError) else error
            raise BadInput(
                f"the weights of feature space '{self.space}' cannot be downloaded ({reason}): get {self.url} where "
                f"there is a network, and put it at {path} (AUTOPHAGY_CACHE moves that folder), or give `score` or "
                "`rescore` --weights FILE"
            ) from error
        finally:
            temporary.unlink(missing_ok=True)
