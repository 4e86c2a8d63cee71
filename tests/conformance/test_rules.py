"""Ten ways around each rule of CONTRIBUTING that a check can know, and that each of them is told.

Most are shown by the source, and nothing is run for them; the others are told when they happen. What only readers can
see is listed in CONTRIBUTING.
"""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from bench.cells import class_file
from bench.cells.outside import outside_uses
from bench.cells.source import check_source
from bench.conformance.telling import explained, fault
from bench.conformance.tiny import TinyBench, TinyCell, settings_of
from bench.conformance.watch import Watch
from bench.errors import BadInput
from bench.methods.file import load_method
from bench.process.shared import RANDOM_STATES, put_back

HEAD = """\
import copy, functools, os, pathlib, random, socket, string, sklearn, torch, torchvision
import numpy as np
from bench import Context, Method
"""
# What stands in curate.
BY_SOURCE = {
    "reads the reference": [
        "import bench.scoring.scorer",
        "from bench.data import real",
        "from bench import score",
        "import bench; bench.scoring",
        "from sklearn.datasets import load_digits",
        "sklearn.datasets.load_digits()",
        "getattr(sklearn, 'datasets').load_digits()",
        "from torchvision import datasets",
        "torchvision.datasets.MNIST('.')",
        "import skimage.data; skimage.data.camera()",
        "import datasets",
        "import importlib; importlib.import_module('bench.data.real')",
        "__import__('bench.data.real')",
        "exec('import bench.data.real')",
        "pathlib.Path('tasks/digits.toml').read_text()",
    ],
    "reaches around the interface": [
        "ctx._real()",
        "getattr(ctx, '_real')()",
        "getattr(ctx, '_' + 'real')()",
        "vars(ctx)['_real']()",
        "ctx.__dict__['_real']()",
        "object.__getattribute__(ctx, '_real')()",
        "import operator; operator.attrgetter('_real')(ctx)()",
        "import gc; gc.get_referents(ctx)",
        "import inspect; inspect.currentframe()",
        "import pickle; pickle.dumps(ctx)",
        "match ctx:\n            case Context(_real=found): pass",
        "list(map(getattr, [ctx], ['_real']))",
        "ctx.labels.__self__",
        "torch.sys.modules",
        "from torch import _C",
        "import _ctypes",
    ],
    "loads weights": [
        "torch.load('a.pt')",
        "load = torch.load; load('a.pt')",
        "getattr(torch, 'load')('a.pt')",
        "torch.serialization.load('a.pt')",
        "torch.hub.load('a/b', 'c')",
        "torch.hub.load_state_dict_from_url('http://127.0.0.1:9/a.pt')",
        "torch.jit.load('a.pt')",
        "torchvision.models.resnet18(weights='DEFAULT')",
        "from torchvision.models import resnet18; resnet18(pretrained=True)",
        "import timm; timm.create_model('resnet18', pretrained=True)",
        "from diffusers import UNet2DModel; UNet2DModel.from_pretrained('a')",
        "from transformers import CLIPModel",
        "import safetensors.torch; safetensors.torch.load_file('a')",
        "import joblib; joblib.load('a')",
        "torch.UntypedStorage.from_file('a', False, 8)",
        "np.load('a.npy')",
    ],
    "reads or writes files": [
        "open('trace.txt', 'w').close()",
        "pathlib.Path('trace.txt').write_text('1')",
        "os.mkdir('folder')",
        "os.close(os.open('trace', os.O_CREAT | os.O_WRONLY))",
        "os.listdir('.')",
        "np.save('trace.npy', pool.origin)",
        "torch.save(pool.origin, 'trace.pt')",
        "from torch import *; save(pool.origin, 'trace.pt')",
        "torch.os.remove('trace.pt')",
        "import tempfile; tempfile.mkstemp()",
        "import shutil; shutil.rmtree('folder', ignore_errors=True)",
        "import io; io.FileIO('trace')",
        "import linecache; linecache.getlines('trace')",
        "import logging; logging.FileHandler('trace')",
        "import sqlite3; sqlite3.connect('trace')",
    ],
    "uses the network": [
        "socket.create_connection(('127.0.0.1', 9), 0.01)",
        "socket.getaddrinfo('localhost', 80)",
        "import _socket; _socket.socket()",
        "import urllib.request; urllib.request.urlopen('http://127.0.0.1:9')",
        "torch.hub.urlopen('http://127.0.0.1:9')",
        "import http.client; http.client.HTTPConnection('127.0.0.1', 9).connect()",
        "import requests; requests.get('http://127.0.0.1:9')",
        "import xmlrpc.client; xmlrpc.client.ServerProxy('http://127.0.0.1:9')",
        "import asyncio; asyncio.open_connection('127.0.0.1', 9)",
        "from huggingface_hub import hf_hub_download",
        "torch.distributed.TCPStore('127.0.0.1', 9)",
    ],
    "starts processes and threads": [
        "os.system('true')",
        "os.popen('true').close()",
        "os.fork()",
        "os.posix_spawn('/bin/true', ['true'], {})",
        "import subprocess; subprocess.run(['true'])",
        "import multiprocessing; multiprocessing.Process(target=print).start()",
        "torch.multiprocessing.spawn(print)",
        "import threading; threading.Thread(target=print).start()",
        "import _thread; _thread.start_new_thread(print, ())",
        "import concurrent.futures; concurrent.futures.ThreadPoolExecutor()",
        "import atexit; atexit.register(print)",
        "import signal; signal.alarm(1)",
    ],
    "looks where it is run": [
        "os.environ['HOME']",
        "os.getenv('USER')",
        "dict(os.environ)",
        "'PYTEST_CURRENT_TEST' in os.environ",
        "random.os.environ.get('CI')",
        "import platform; platform.node()",
        "socket.gethostname()",
        "import getpass; getpass.getuser()",
        "os.getpid()",
        "import sys; sys.argv",
        "torch.sys.argv",
        "import traceback; traceback.extract_stack()",
        "import resource; resource.getrusage(0)",
    ],
}
WHEN_IT_HAPPENS = {
    "reaches around the interface": [
        "copy.copy(ctx)",
        "'{0._real}'.format(ctx)",
        "string.Formatter().get_field('0._real', [ctx], {})",
        "class X(Context):\n            def steal(self): return self._real()\n        X.steal(ctx)",
    ],
    "reads or writes files": [
        "np.zeros(1).tofile('trace.bin')",
        "pool.origin.numpy().dump('trace.bin')",
        "(lambda module: module.load('trace.npy'))(np)",
        "import lzma; lzma.open('trace.xz', 'w').close()",
        "import configparser; configparser.ConfigParser().read('trace.ini')",
        "import gzip; gzip.open('trace.gz', 'w').close()",
    ],
    "changes what others share": [
        "torch.manual_seed(0)",
        "np.random.seed(0)",
        "random.seed(0)",
        "torch.rand(1)",
        "torch.set_default_dtype(torch.float64)",
        "torch.set_grad_enabled(False)",
        "torch.set_num_threads(2)",
        "Method.curate = print",
        "Context.budget = 3",
        "torch.zeros = torch.ones",
        "functools.partial(setattr, Method)('kept', 3)",
        "pool.data.images.zero_()",
    ],
}


KNOWN = ("inputs", "random state", "global state", "reads")


def cases(ways: dict[str, list[str]]) -> list[tuple[str, str]]:
    return [(rule, way) for rule, of_rule in ways.items() for way in of_rule]


def written(folder: Path, way: str) -> Path:
    path = folder / "mine.py"
    path.write_text(
        f"{HEAD}\nclass Mine(Method):\n    def curate(self, pool, ctx):\n        {way}\n        return pool\n"
    )
    return path


def line(way: str) -> str:
    return f"mine.py:{7 + (chr(10) in way)}"


def shown_by_source(path: Path) -> list[str]:
    try:
        check_source(path, path.read_bytes())
    except BadInput as error:
        return [str(error)]
    return outside_uses(path, path.read_bytes())


@pytest.mark.parametrize(("rule", "way"), cases(BY_SOURCE))
def test_the_source_shows_it(tmp_path: Path, rule: str, way: str):
    assert any(f"{line(way)}: " in said for said in shown_by_source(written(tmp_path, way)))


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> TinyBench:
    """Return what makes tiny cells, which share their data and their first generation."""
    return TinyBench(tmp_path_factory.mktemp("tiny"))


@pytest.fixture
def told(tiny: TinyBench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Path], list[str]]:
    """Return what is told of a method when it runs in a loop of points."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(class_file, "check_source", lambda path, content: None)  # as if it had not been seen there

    def run(path: Path) -> list[str]:
        loaded = load_method(str(path))
        watch = Watch(loaded, path, 10)
        cell: TinyCell = next(cell for cell in settings_of(loaded)[0] if cell.task == "gaussian")
        failed = ("", "")
        try:
            with put_back(RANDOM_STATES):
                tiny.loop_run(cell, watch.loaded, str(tmp_path)[1:].replace("/", "-")).run()
        except Exception as error:
            failed = explained(watch, error)
        # That a hook has failed tells nothing of why.
        return [
            message for check, message in (failed, *(fault(seen, watch) for seen in watch.found)) if check in KNOWN
        ]

    return run


@pytest.mark.parametrize(("rule", "way"), cases(WHEN_IT_HAPPENS))
def test_it_is_told_when_it_happens(tmp_path: Path, told: Callable[[Path], list[str]], rule: str, way: str):
    said = told(written(tmp_path, way))
    places = [f"({line(way)})", "(mine.py:6)"]  # of the line, or of the hook
    assert any(place in each for each in said for place in places), said


@pytest.mark.parametrize(
    "way",
    [
        "math = [ctx.generation, np.pi, functools.reduce(max, [1, 2])]",
        "def forward(input, open): return input + open\n        forward(1, 2)",
        "with torch.random.fork_rng(devices=[]): torchvision.models.squeezenet1_1(weights=None)",
        "load = {}; load.get('load')",
        "copy.deepcopy(pool)",
        "with torch.random.fork_rng(devices=[]): torch.manual_seed(ctx.fit_seed)",
    ],
)
def test_of_what_is_allowed_nothing_is_told(tmp_path: Path, told: Callable[[Path], list[str]], way: str):
    path = written(tmp_path, way)
    assert (shown_by_source(path), told(path)) == ([], [])


def test_each_rule_has_ten_ways():
    n = Counter(rule for rule, _ in cases(BY_SOURCE) + cases(WHEN_IT_HAPPENS))
    assert min(n.values()) >= 10
