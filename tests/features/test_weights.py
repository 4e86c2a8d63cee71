"""Weights: found in the cache, fetched once, and held against their hash."""

import hashlib
import os
import urllib.error
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Barrier
from pathlib import Path
from threading import Thread

import pytest
from builders import QUIET
from forked import CONTEXT, process

from bench.errors import BadInput
from bench.features import weights
from bench.features.weights import WeightsFile, check_weights

CONTENT = b"weights" * 300_000  # more than is read at a time
SHA256 = hashlib.sha256(CONTENT).hexdigest()
PROCESSES = 3


def local(tmp_path: Path, content: bytes = CONTENT) -> WeightsFile:
    """Return weights that are published in a folder of this machine."""
    published = tmp_path / "published" / "network.pt"
    published.parent.mkdir(exist_ok=True)
    published.write_bytes(content)
    return WeightsFile("inception", published.as_uri(), SHA256)


class Server(ThreadingHTTPServer):
    """Sends the weights, or as much of them as `sent`, and counts how often it is asked."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.requests = 0
        self.sent = len(CONTENT)

    @property
    def weights(self) -> WeightsFile:
        return WeightsFile("inception", f"http://127.0.0.1:{self.server_port}/network.pt", SHA256)


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        self.server.requests += 1
        self.send_response(200)
        self.send_header("Content-Length", str(len(CONTENT)))
        self.end_headers()
        self.wfile.write(CONTENT[: self.server.sent])

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with Server() as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def kept(cache_folder: Path) -> list[str]:
    """Return the names of the files in the cache, but for the locks."""
    return [path.name for path in cache_folder.rglob("*") if path.is_file() and path.suffix != ".lock"]


def refusal(weights: WeightsFile, given: Path | None = None) -> str:
    with pytest.raises(BadInput) as caught:
        weights.obtain(given, QUIET)
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_a_download_is_kept_in_the_cache_folder_under_its_own_name(tmp_path: Path, cache_folder: Path):
    path = local(tmp_path).obtain(None, QUIET)
    assert path == cache_folder / "weights" / "network.pt"
    assert path.read_bytes() == CONTENT


def test_a_download_leaves_no_other_file(tmp_path: Path, cache_folder: Path):
    local(tmp_path).obtain(None, QUIET)
    assert kept(cache_folder) == ["network.pt"]


def test_weights_are_downloaded_once(server: Server, cache_folder: Path):
    first, second = (server.weights.obtain(None, QUIET) for _ in range(2))
    assert first == second
    assert server.requests == 1


def test_weights_in_the_cache_need_no_network(tmp_path: Path, cache_folder: Path, monkeypatch: pytest.MonkeyPatch):
    path = local(tmp_path).obtain(None, QUIET)
    monkeypatch.setattr(urllib.request, "urlopen", None)
    assert local(tmp_path).obtain(None, QUIET) == path


def obtain_at_once(start: Barrier, weights: WeightsFile, found: "Queue[Path]") -> None:
    start.wait()
    found.put(weights.obtain(None, QUIET))


def test_several_processes_download_once_between_them(server: Server, cache_folder: Path):
    start, found = CONTEXT.Barrier(PROCESSES), CONTEXT.Queue()
    processes = [process(obtain_at_once, start, server.weights, found) for _ in range(PROCESSES)]
    for each in processes:
        each.start()
    paths = {found.get(timeout=60) for _ in processes}
    for each in processes:
        each.join()
    assert paths == {cache_folder / "weights" / "network.pt"}
    assert paths.pop().read_bytes() == CONTENT
    assert server.requests == 1
    assert kept(cache_folder) == ["network.pt"]


def test_a_download_with_another_hash_is_refused(tmp_path: Path, cache_folder: Path):
    weights = local(tmp_path, b"other weights")
    message = refusal(weights)
    assert message.startswith(f"{weights.url}: ")
    assert hashlib.sha256(b"other weights").hexdigest() in message
    assert SHA256 in message


def test_nothing_is_kept_of_a_download_with_another_hash(tmp_path: Path, cache_folder: Path):
    refusal(local(tmp_path, b"other weights"))
    assert kept(cache_folder) == []


@pytest.mark.parametrize("sent", [0, 1000, len(CONTENT) - 1])
def test_nothing_is_kept_of_a_download_that_is_cut_short(server: Server, cache_folder: Path, sent: int):
    server.sent = sent
    assert server.weights.url in refusal(server.weights)
    assert kept(cache_folder) == []


def test_a_download_that_was_cut_short_can_be_repeated(server: Server, cache_folder: Path):
    server.sent = 1000
    refusal(server.weights)
    server.sent = len(CONTENT)
    assert server.weights.obtain(None, QUIET).read_bytes() == CONTENT


def test_an_interrupted_download_leaves_nothing(server: Server, cache_folder: Path, monkeypatch: pytest.MonkeyPatch):
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", interrupt)
    with pytest.raises(KeyboardInterrupt):
        server.weights.obtain(None, QUIET)
    assert kept(cache_folder) == []


def test_where_there_is_no_network_the_url_the_place_and_the_option_are_named(tmp_path: Path, cache_folder: Path):
    weights = WeightsFile("inception", (tmp_path / "missing" / "network.pt").as_uri(), SHA256)
    message = refusal(weights)
    assert weights.url in message
    assert str(cache_folder / "weights" / "network.pt") in message
    assert "--weights" in message
    assert kept(cache_folder) == []


@pytest.mark.parametrize(
    "error",
    [urllib.error.URLError("no route to host"), TimeoutError("no route to host"), OSError("no route to host")],
    ids=["URL", "timeout", "connection"],
)
def test_why_there_is_no_network_is_said(
    tmp_path: Path, cache_folder: Path, monkeypatch: pytest.MonkeyPatch, error: OSError
):
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(urllib.request, "urlopen", fail)
    assert "(no route to host)" in refusal(local(tmp_path))


def test_what_is_advised_where_there_is_no_network_works(tmp_path: Path, cache_folder: Path):
    weights = WeightsFile("inception", (tmp_path / "missing" / "network.pt").as_uri(), SHA256)
    refusal(weights)
    place = cache_folder / "weights" / "network.pt"
    place.write_bytes(CONTENT)
    assert weights.obtain(None, QUIET) == place


def test_a_given_file_is_used_where_it_lies(tmp_path: Path, cache_folder: Path):
    mine = tmp_path / "mine.pt"
    mine.write_bytes(CONTENT)
    assert WeightsFile("inception", "file:///missing/network.pt", SHA256).obtain(mine, QUIET) == mine
    assert not cache_folder.exists()


def test_a_given_file_with_another_hash_is_refused(tmp_path: Path, cache_folder: Path):
    mine = tmp_path / "mine.pt"
    mine.write_bytes(b"other weights")
    message = refusal(local(tmp_path), mine)
    assert message.startswith(f"{mine}: ")
    assert hashlib.sha256(b"other weights").hexdigest() in message
    assert SHA256 in message


@pytest.mark.parametrize("make", [lambda path: None, Path.mkdir, os.mkfifo], ids=["missing", "folder", "pipe"])
def test_a_given_file_that_cannot_be_read_is_refused(tmp_path: Path, make):
    mine = tmp_path / "mine.pt"
    make(mine)
    with pytest.raises(BadInput, match=r"mine\.pt: .*: these should be the weights of feature space 'inception'"):
        check_weights(mine, "inception", SHA256)


def test_damaged_weights_in_the_cache_are_refused_by_their_path(tmp_path: Path, cache_folder: Path):
    path = local(tmp_path).obtain(None, QUIET)
    path.write_bytes(CONTENT[:-1])
    assert refusal(local(tmp_path)).startswith(f"{path}: ")


def test_a_cache_folder_that_cannot_be_made_is_refused(tmp_path: Path, cache_folder: Path):
    cache_folder.write_text("a file stands in the way")
    assert str(cache_folder) in refusal(local(tmp_path))


def test_a_download_that_does_not_end_is_cut_off_and_not_kept(
    tmp_path: Path, cache_folder: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(weights, "MOST_WEIGHTS_BYTES", len(CONTENT) - 1)
    assert "has more than" in refusal(local(tmp_path))
    assert [path for path in cache_folder.rglob("*.pt*") if path.stat().st_size] == []


def test_a_device_that_does_not_end_holds_no_weights():
    with pytest.raises(BadInput, match="/dev/zero: not a file"):
        check_weights(Path("/dev/zero"), "inception", SHA256)
