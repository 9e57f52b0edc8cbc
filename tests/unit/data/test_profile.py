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

from kfp_provenance.data.profile import MAX_VALUES, DataProfile, profile_table
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


def test_what_version_2_adds() -> None:
    by_name = {column.name: column for column in profile_table(TABLE, "y").columns}
    assert profile_table(TABLE).version == 2
    n, t, big = (by_name[name].sketch for name in ("n", "t", "big"))
    assert n is not None
    assert (n.cells, n.equal, n.below) == ((1, 3), (2, 1), (0, 0))
    assert t is not None
    assert t.numbers[-1] == LATEST.timestamp() * 1_000_000
    assert big is not None
    assert big.cells == (1, str(2**60))
    assert by_name["s"].sketch is None
    assert by_name["s"].others == 0


def test_more_texts_than_are_named_are_counted() -> None:
    texts = [f"{number:03}" for number in range(150) for _ in range(1 + (number == 7))]
    column = profile_table(pa.table({"s": texts})).columns[0]
    assert len(column.top) == MAX_VALUES
    assert (column.top[0].value, column.top[0].count) == ("007", 2)
    assert column.others == 151 - 101
    assert [top.value for top in column.top[1:4]] == ["000", "001", "002"]


def test_moments_of_any_unit_and_kind_are_microseconds() -> None:
    day = dt.date(2024, 5, 1)
    moment = dt.datetime(2024, 5, 1, tzinfo=dt.UTC)
    table = pa.table(
        {
            "date": [day],
            "s": pa.array([moment], pa.timestamp("s", tz="UTC")),
            "ns": pa.array([moment], pa.timestamp("ns", tz="UTC")),
            "time": [dt.time(0, 0, 1)],
            "span": [dt.timedelta(seconds=1)],
        }
    )
    sketches = [column.sketch for column in profile_table(table).columns]
    expected = int(moment.timestamp()) * 1_000_000
    found = [sketch.numbers for sketch in sketches if sketch is not None]
    assert found == [(expected,), (expected,), (expected,), (1_000_000,), (1_000_000,)]


def test_rows_in_another_order_give_the_same_bytes() -> None:
    table = pa.table({"x": [0.5, 0.1, None, 0.1], "s": ["b", "a", "a", None]})
    again = table.take([3, 1, 0, 2])
    # the sum behind a mean is rounded, so it is the same too
    assert profile_table(table, "s").to_bytes() == profile_table(again, "s").to_bytes()


def test_not_a_number_is_a_null_and_infinity_is_refused() -> None:
    column = profile_table(pa.table({"x": [1.0, math.nan]})).columns[0]
    assert (column.nulls, column.distinct) == (1, 1)
    with pytest.raises(DataError, match="'x'") as error:
        profile_table(pa.table({"x": [1.0, math.inf]}))
    assert error.value.code == "DATA_SCHEMA_VIOLATED"


VERSION_1 = (
    b'{"columns":[{"distinct":2,"maximum":3,"mean":1.5,"minimum":1,"name":"n","nulls":1,"std":0.5,'
    b'"top":[],"type":"integer"},{"distinct":30,"maximum":null,"mean":null,"minimum":null,'
    b'"name":"s","nulls":0,"std":null,"top":[{"count":2,"value":"a"}],"type":"string"}],'
    b'"label":null,"rows":40,"version":1}'
)


def test_version_1_is_still_read_and_written_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "p").write_bytes(VERSION_1)
    profile = DataProfile.read(tmp_path / "p")
    assert (profile.version, profile.rows) == (1, 40)
    assert profile.columns[0].sketch is None
    assert profile.to_bytes() == VERSION_1


@pytest.mark.parametrize(
    "change",
    [
        {"rows": 3},
        {"rows": 5},
        {"version": 1},
        {"version": 3},
        {"columns": []},
        {"label": {"name": "y", "distribution": [{"value": True, "count": 5}]}},
        {"label": {"name": "y", "distribution": [{"value": 1, "count": 1}] * 2}},
    ],
)
def test_counts_that_contradict_each_other_are_no_profile(
    tmp_path: Path, change: dict[str, object]
) -> None:
    content = json.loads(profile_table(TABLE, "y").to_bytes())
    if change == {"columns": []}:
        change = {"columns": content["columns"] * 2}
    (tmp_path / "p").write_text(json.dumps(content | change))
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
    assert column.distinct == len(set(known))  # zero and minus zero are one number
    if known:
        assert (column.minimum, column.maximum) == (min(known), max(known))
        assert column.mean is not None
        assert math.isclose(column.mean, math.fsum(known) / len(known), rel_tol=1e-6, abs_tol=1e-3)
