"""Data sets of the hub, from a stand-in for it on this machine that answers as the hub does."""

import hashlib
import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import numpy as np
import pytest
from builders import QUIET

from bench.cells.task import Task, load_task
from bench.data.hub import HubSet
from bench.data.real import load_real_data, store_real_data
from bench.data.sources import SOURCES
from bench.errors import BadInput

pytest.importorskip("pyarrow", reason="needs the extra parquet")
from data.test_parquet import write

COMMIT = "0123456789abcdef0123456789abcdef01234567"


class Hub:
    """A folder of data sets, served as the hub serves them; it counts what is asked for, and can break off."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.asked: list[str] = []
        self.breaks_after: int | None = None
        hub = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: object) -> None:
                pass

            def do_HEAD(self) -> None:
                self._answer(with_body=False)

            def do_GET(self) -> None:
                self._answer(with_body=True)

            def _answer(self, *, with_body: bool) -> None:
                path = self.path.partition("?")[0]
                if with_body:
                    hub.asked.append(path)
                match path.strip("/").split("/"):
                    case ["api", "datasets", owner, name, *_] if (hub.folder / owner / name).is_dir():
                        root = hub.folder / owner / name
                        files = sorted(f.relative_to(root).as_posix() for f in root.rglob("*") if f.is_file())
                        content = {
                            "id": f"{owner}/{name}",
                            "sha": COMMIT,
                            "siblings": [{"rfilename": f} for f in files],
                        }
                        self._send(json.dumps(content).encode(), with_body, "application/json")
                    case ["datasets", owner, name, "resolve", _, *file] if (
                        f := hub.folder.joinpath(owner, name, *file)
                    ).is_file():
                        self._send(f.read_bytes(), with_body, "application/octet-stream")
                    case _:
                        self.send_response(404)
                        self.send_header("X-Error-Code", "RepoNotFound")
                        self.send_header("Content-Length", "0")
                        self.end_headers()

            def _send(self, content: bytes, with_body: bool, kind: str) -> None:
                start = int(self.headers.get("Range", "bytes=0-").removeprefix("bytes=").split("-")[0] or 0)
                self.send_response(206 if start else 200)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(content) - start))
                if start:
                    self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
                self.send_header("ETag", f'"{hashlib.sha256(content).hexdigest()}"')
                self.send_header("X-Repo-Commit", COMMIT)
                self.send_header("Accept-Ranges", "bytes")
                self.end_headers()
                if with_body:
                    self.wfile.write(content[start:])

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    hub = Hub(tmp_path / "hub")
    monkeypatch.setenv("HF_ENDPOINT", hub.address)
    monkeypatch.setenv("AUTOPHAGY_DATA", str(tmp_path / "data"))
    yield hub
    hub.server.shutdown()


def small(name: str, **changes: object) -> Task:
    task = load_task(name)
    fields = {"training": 6, "reference": 3, "size": 4, "training_sha256": None, "reference_sha256": None}
    changed = task.data.model_copy(update=fields | {"channels": 1} | changes)
    return task.model_copy(update={"data": changed, "features": None})


def values(images) -> list[int]:
    return images.images[:, 0, 0, 0].tolist()


def test_ffhq_comes_from_its_copy_on_the_hub_and_is_kept_with_its_revision(hub: Hub):
    for i in range(2):
        write(
            hub.folder / "merkol/ffhq-256/data" / f"train-0000{i}-of-00002.parquet", list(range(10 * i, 10 * i + 10))
        )
    task = small("ffhq64")
    data = store_real_data(task, None)
    order = np.random.RandomState(0).permutation(20).tolist()
    assert (values(data.training), values(data.reference)) == (order[:6], order[6:9])
    assert data.origin == f"hf:merkol/ffhq-256@{COMMIT}"
    again = load_real_data(task)
    assert (again.origin, values(again.training)) == (data.origin, values(data.training))
    assert again.read == data.read


def test_what_is_there_is_not_downloaded_again(hub: Hub):
    write(hub.folder / "a/b/train-00000-of-00001.parquet", list(range(20)))
    store_real_data(small("ffhq64"), Path("hf:a/b"))
    assert any(path.endswith(".parquet") for path in hub.asked)
    hub.asked.clear()
    store_real_data(small("ffhq64"), Path("hf:a/b"))
    assert not any(path.endswith(".parquet") for path in hub.asked)


def test_a_split_is_chosen_by_its_name(hub: Hub):
    write(hub.folder / "a/b/train-00000-of-00001.parquet", list(range(20)))
    write(hub.folder / "a/b/validation-00000-of-00001.parquet", list(range(100, 120)))
    data = load_real_data(small("ffhq64"), Path("hf:a/b:validation"))
    assert min(values(data.training) + values(data.reference)) >= 100
    data = load_real_data(small("ffhq64"), Path("hf:a/b"))
    assert max(values(data.training)) < 100 <= min(values(data.reference))


def test_splits_of_which_nobody_can_tell_which_are_meant_are_refused(hub: Hub):
    for split in ("train", "validation", "test"):
        write(hub.folder / f"a/b/{split}-00000-of-00001.parquet", list(range(20)))
    with pytest.raises(
        BadInput, match=r"hf:a/b: the splits test, train, validation: add the one that is meant, as in"
    ):
        load_real_data(small("ffhq64"), Path("hf:a/b"))
    with pytest.raises(BadInput, match="no split 'tset': there are test, train, validation"):
        load_real_data(small("ffhq64"), Path("hf:a/b:tset"))


@pytest.mark.parametrize("name", ["mnist", "fashion_mnist", "cifar10"])
def test_where_the_first_source_is_down_the_copy_on_the_hub_is_read(
    hub: Hub, name: str, monkeypatch: pytest.MonkeyPatch
):
    task = small(name)
    root = hub.folder / str(task.data.hub).removeprefix("hf:")
    classes = tuple(f"other name {i}" for i in range(10))  # the copy's names are not the task's, their order is
    write(root / "train-00000-of-00001.parquet", list(range(60)), [i % 10 for i in range(60)], names=classes)
    write(root / "test-00000-of-00001.parquet", list(range(100, 130)), [i % 10 for i in range(30)], names=classes)

    def down(folder: Path) -> None:
        raise BadInput("it is down")

    monkeypatch.setattr(SOURCES[task.data.source], "fetch", down)
    task = task.model_copy(update={"data": task.data.model_copy(update={"training": 60, "reference": 30})})
    data = store_real_data(task, None)
    assert [value % 10 for value in values(data.training)] == data.training.labels.tolist()
    assert sorted(values(data.training)) == list(range(60))
    assert len(load_real_data(task).reference) == 30


def test_without_a_network_one_line_says_three_ways(hub: Hub):
    hub.server.shutdown()
    hub.server.server_close()
    with pytest.raises(BadInput) as caught:
        store_real_data(small("ffhq64"), None)
    message = str(caught.value)
    assert "\n" not in message
    assert "cannot be fetched" in message
    for way in (
        "(1) run `autophagy data ffhq64` where there is a network",
        "(2) get the parquet files",
        "(3) get what",
    ):
        assert way in message


def test_without_a_copy_on_the_hub_a_failed_download_says_two_ways(monkeypatch: pytest.MonkeyPatch):
    def down(folder: Path) -> None:
        raise BadInput("MNIST cannot be downloaded (no route)")

    task = small("mnist")
    task = task.model_copy(update={"data": task.data.model_copy(update={"hub": None})})
    monkeypatch.setattr(SOURCES[task.data.source], "fetch", down)
    with pytest.raises(BadInput) as caught:
        store_real_data(task, None)
    message = str(caught.value)
    assert message.startswith("MNIST cannot be downloaded (no route): by hand: (1) run `autophagy data mnist` where")
    assert "(2) get what the task file cites and give --from" in message
    assert "(3)" not in message
    assert "parquet" not in message


def test_a_data_set_that_there_is_none_of_is_said(hub: Hub):
    with pytest.raises(BadInput, match="there is no such data set, or it asks for a login"):
        load_real_data(small("ffhq64"), Path("hf:nobody/nothing"))


def test_a_data_set_without_parquet_files_is_said_with_where_the_hub_keeps_them(hub: Hub):
    (hub.folder / "a/b").mkdir(parents=True)
    (hub.folder / "a/b/images.zip").write_bytes(b"PK")
    with pytest.raises(BadInput, match="no parquet files in it: try hf:a/b@refs/convert/parquet"):
        load_real_data(small("ffhq64"), Path("hf:a/b"))


@pytest.mark.parametrize("text", ["hf:ffhq", "hf:a/b/c", "hf:a b/c", "hf:a/b@", "hf:"])
def test_another_form_is_refused_with_the_right_one(text: str):
    with pytest.raises(BadInput, match=r"write hf:OWNER/NAME\[@REVISION\]\[:SPLIT\]"):
        HubSet.parse(text)


def test_a_name_has_its_parts():
    assert HubSet.parse("hf:a/b@refs/convert/parquet:x/train") == HubSet("a/b", "refs/convert/parquet", "x/train")
    assert str(HubSet.parse("hf:a/b@v1:train")) == "hf:a/b@v1:train"


def test_without_pyarrow_nothing_is_downloaded(hub: Hub, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("bench.data.hub.is_installed", lambda: False)
    with pytest.raises(BadInput, match=r"pip install 'autophagy-bench\[parquet\]'"):
        load_real_data(small("ffhq64"), Path("hf:a/b"), QUIET)
    assert hub.asked == []
