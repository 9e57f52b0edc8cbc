from __future__ import annotations

import datetime as dt
import json
import math
import statistics
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kfp_provenance.components.ingest.profile import DataProfile, profile_table
from kfp_provenance.errors import DataError

LATEST = dt.datetime(2024, 5, 1, 6, tzinfo=dt.UTC)
TABLE = pa.table(
    {
        "n": [3, 1, None, 1],
        "x": [0.1, 0.2, 0.3, None],
        "s": ["b", "a", "b", None],
        "t": [dt.datetime(2024, 1, 1, tzinfo=dt.UTC), None, LATEST, None],
        "big": [2**60, 1, 1, 1],
        "none": pa.nulls(4),
        "y": [True, False, True, True],
    }
)


def test_what_a_profile_says() -> None:
    profile = profile_table(TABLE, "y")
    by_name = {column.name: column for column in profile.columns}
    assert profile.rows == 4
    n = by_name["n"]
    assert (n.type, n.nulls, n.distinct, n.minimum, n.maximum) == ("integer", 1, 2, 1, 3)
    assert n.mean == pytest.approx(5 / 3, rel=1e-11)
    assert n.std == pytest.approx(statistics.pstdev([3, 1, 1]), rel=1e-11)
    s = by_name["s"]
    assert [(top.value, top.count) for top in s.top] == [("b", 2), ("a", 1)]
    assert by_name["t"].maximum == "2024-05-01T06:00:00+00:00"
    assert by_name["big"].maximum == str(2**60)
    assert (by_name["none"].type, by_name["none"].nulls) == ("empty", 4)
    assert profile.label is not None
    assert [(v.value, v.count) for v in profile.label.distribution] == [(True, 3), (False, 1)]


def test_bytes_are_canonical_and_read_back(tmp_path: Path) -> None:
    profile = profile_table(TABLE, "y")
    data = profile.to_bytes()
    assert data == profile_table(TABLE, "y").to_bytes()
    assert json.loads(data) == profile.model_dump(mode="json")
    (tmp_path / "p").write_bytes(data)
    assert DataProfile.read(tmp_path / "p") == profile


@pytest.mark.parametrize("content", [b"", b"{}", b'{"rows":1,"columns":[],"extra":1}'])
def test_other_bytes_are_no_profile(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "p").write_bytes(content)
    with pytest.raises(DataError) as error:
        DataProfile.read(tmp_path / "p")
    assert error.value.code == "DATA_UNREADABLE"


def test_label_must_be_a_column() -> None:
    with pytest.raises(DataError) as error:
        profile_table(TABLE, "z")
    assert error.value.code == "DATA_SCHEMA_VIOLATED"


def test_a_label_of_many_values_has_no_distribution() -> None:
    profile = profile_table(pa.table({"y": [float(i) for i in range(500)]}), "y")
    assert profile.label is not None
    assert profile.label.distribution == ()


@given(
    st.lists(st.one_of(st.none(), st.floats(-1e9, 1e9, allow_nan=False)), min_size=1, max_size=60)
)
def test_numbers_agree_with_plain_ones(values: list[float | None]) -> None:
    column = profile_table(pa.table({"a": pa.array(values, pa.float64())})).columns[0]
    known = [value for value in values if value is not None]
    assert column.nulls == len(values) - len(known)
    assert column.distinct == len({repr(value) for value in known})
    if known:
        assert (column.minimum, column.maximum) == (min(known), max(known))
        assert column.mean is not None
        assert math.isclose(column.mean, math.fsum(known) / len(known), rel_tol=1e-6, abs_tol=1e-3)
