"""Tables as lists of flat dictionaries."""

import csv
import io
import sys

import pytest

from bench.board.rows import Rows
from bench.errors import BadInput

ROWS = Rows([{"method": "none", "fid": 1.5, "rank": None}, {"method": "a, b", "fid": 2.0, "rank": 1}])


def test_csv_is_read_back():
    found = list(csv.DictReader(io.StringIO(ROWS.to_csv())))
    assert found == [{"method": "none", "fid": "1.5", "rank": ""}, {"method": "a, b", "fid": "2.0", "rank": "1"}]


def test_pandas_has_the_same_columns_and_values():
    pandas = pytest.importorskip("pandas")
    frame = ROWS.to_pandas()
    assert list(frame.columns) == ["method", "fid", "rank"]
    assert frame["fid"].tolist() == [1.5, 2.0]
    assert pandas.isna(frame["rank"][0])
    assert "a, b" in ROWS._repr_html_()


def test_without_pandas_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(BadInput, match=r"to_pandas\(\) needs pandas: pip install 'autophagy-bench\[pandas\]'"):
        ROWS.to_pandas()
    assert ROWS._repr_html_() is None
