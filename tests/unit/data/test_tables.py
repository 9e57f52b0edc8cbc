"""Comparisons of rows, against what pandas finds the slow way."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from kfp_provenance.data.tables import TableDifference, compare_tables
from kfp_provenance.errors import DataError
from support.tables import TableDesk


@pytest.fixture
def desk(tmp_path: Path) -> TableDesk:
    return TableDesk(tmp_path)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> TableDesk:
    return TableDesk(tmp_path_factory.mktemp("tables"))


ROWS = st.lists(
    st.tuples(
        st.none() | st.integers(0, 6),
        st.none() | st.sampled_from(["x", "y"]),
        st.none() | st.sampled_from([0.0, -0.0, 1.5, float("nan")]),
        st.none() | st.booleans(),
    ),
    max_size=30,
)
SCHEMA = pa.schema({"k": pa.int64(), "s": pa.string(), "x": pa.float64(), "y": pa.bool_()})


def table(rows: list[tuple[object, ...]]) -> pa.Table:
    columns = list(zip(*rows, strict=True)) or [()] * 4
    arrays = [pa.array(list(c), f.type) for c, f in zip(columns, SCHEMA, strict=True)]
    return pa.table(arrays, schema=SCHEMA)


def plain(rows: list[tuple[object, ...]]) -> list[tuple[object, ...]]:
    """NaN as null, and zero is minus zero."""
    return [tuple(None if cell != cell else cell for cell in row) for row in rows]  # noqa: PLR0124


@given(ROWS, ROWS)
def test_rows_as_wholes_are_multisets(
    shared: TableDesk, before: list[tuple[object, ...]], after: list[tuple[object, ...]]
) -> None:
    rows = shared.compare(table(before), table(after)).rows
    old, new = Counter(plain(before)), Counter(plain(after))
    assert rows.unchanged == (old & new).total()
    assert rows.removed == (old - new).total()
    assert rows.added == (new - old).total()


@given(ROWS, ROWS)
def test_rows_by_key_are_those_of_a_plain_loop(
    shared: TableDesk, before: list[tuple[object, ...]], after: list[tuple[object, ...]]
) -> None:
    found = shared.compare(table(before), table(after), key=("k",), label="y")
    old, new = plain(before), plain(after)
    times = [Counter(row[0] for row in side) for side in (old, new)]
    usable = [
        {row[0]: row for row in side if row[0] is not None and max(t[row[0]] for t in times) == 1}
        for side in (old, new)
    ]
    both = usable[0].keys() & usable[1].keys()
    pairs = [(usable[0][key], usable[1][key]) for key in both]
    assert found.rows.changed == sum(a != b for a, b in pairs)
    assert found.rows.unchanged == sum(a == b for a, b in pairs)
    assert found.rows.removed == len(usable[0].keys() - both)
    assert found.rows.added == len(usable[1].keys() - both)
    for position, column in enumerate(("s", "x", "y"), start=1):
        changes = next(item for item in found.columns if item.name == column)
        assert changes.cells == sum(a[position] != b[position] for a, b in pairs)
    labelled = [(a[3], b[3]) for a, b in pairs if None not in (a[3], b[3])]
    assert found.labels is not None
    assert (found.labels.compared, found.labels.flipped) == (
        len(labelled),
        sum(a != b for a, b in labelled),
    )
    broken = any(row[0] is None for row in old + new) or any(
        count > 1 for side in times for key, count in side.items() if key is not None
    )
    assert bool(found.findings) is broken


def test_cells_are_counted_and_shown_by_key(desk: TableDesk) -> None:
    found = desk.compare(
        {"id": [1, 2, 3, 4], "a": ["p", "q", None, "s"], "b": [1.0, 2.0, 3.0, 4.0]},
        {"id": [4, 3, 2, 1], "a": ["S", "r", None, "p"], "b": [4.0, 3.0, 2.0, 1.0]},
        key=("id",),
        examples=2,
    )
    a, b = found.columns
    assert (a.name, a.cells, b.name, b.cells) == ("a", 3, "b", 0)
    shown = [(change.key, change.before, change.after) for change in a.examples]
    assert shown == [((2,), "q", None), ((3,), None, "r")]
    assert (found.rows.changed, found.rows.unchanged) == (3, 1)
    assert not found.equal


def test_no_cells_are_shown_if_none_are_wanted(desk: TableDesk) -> None:
    found = desk.compare(
        {"id": [1], "a": ["secret"]}, {"id": [1], "a": ["other"]}, key=("id",), examples=0
    )
    assert found.columns[0].cells == 1
    assert "secret" not in json.dumps(found.to_json())


def test_a_key_of_several_columns(desk: TableDesk) -> None:
    found = desk.compare(
        {"a": [1, 1, 2], "b": ["x", "y", "x"], "v": [1, 2, 3]},
        {"a": [2, 1, 1], "b": ["x", "x", "z"], "v": [3, 1, 2]},
        key=("a", "b"),
    )
    assert (found.rows.unchanged, found.rows.removed, found.rows.added) == (2, 1, 1)
    assert found.findings == ()


def test_null_and_repeated_keys_are_findings_with_rows(desk: TableDesk) -> None:
    found = desk.compare(
        {"id": [1, None, 2, 2, 3], "v": [1, 1, 1, 1, 1]},
        {"id": [1, 2, 3, 3], "v": [1, 1, 1, 1]},
        key=("id",),
    )
    told = [(str(finding.code), finding.message, finding.found) for finding in found.findings]
    assert told == [
        *[
            ("DATA_SCHEMA_VIOLATED", f"rows of the table before {trouble}", rows)
            for trouble, rows in (
                ("have no key", "1 of 5 rows, the first are 2"),
                ("share their key with another row", "2 of 5 rows, the first are 3, 4"),
            )
        ],
        (
            "DATA_SCHEMA_VIOLATED",
            "rows of the table after share their key with another row",
            "2 of 4 rows, the first are 3, 4",
        ),
    ]
    assert (found.rows.unmatched_before, found.rows.unmatched_after) == (4, 3)


# --- types and files


def test_values_are_compared_and_not_their_types(desk: TableDesk) -> None:
    before = pa.table(
        {
            "i": pa.array([1, 2], pa.int32()),
            "f": pa.array([0.5, None], pa.float32()),
            "s": pa.array(["a", "b"]).dictionary_encode(),
            "z": [0.0, 1.0],
            "t": pa.array([1, 2], pa.timestamp("ms")),
            "n": pa.nulls(2),
        }
    )
    after = pa.table(
        {
            "i": [1.0, 2.0],
            "f": [0.5, float("nan")],
            "s": pa.array(["a", "b"], pa.large_string()),
            "z": [-0.0, 1.0],
            "t": pa.array([1000, 2000], pa.timestamp("us")),
            "n": pa.nulls(2, pa.string()),
        }
    )
    assert desk.compare(before, after).rows.unchanged == 2
    by_key = desk.compare(before, after, key=("s",))
    assert by_key.rows.unchanged == 2
    assert [change.column for change in by_key.schema.retyped] == ["i", "t", "n"]


def test_what_cannot_be_compared_is_named_and_not_equal(desk: TableDesk) -> None:
    found = desk.compare({"a": [1, 2], "b": [2**60, 1]}, {"a": ["1", "2"], "b": [0.5, 1.0]})
    # a double cannot hold 2 ** 60 + 1: integers of that size are not compared with doubles
    assert found.not_compared == ("a", "b")
    assert (found.rows.unchanged, found.equal) == (0, False)
    with pytest.raises(DataError, match="key column 'a'"):
        compare_tables(desk.before, desk.after, key=("a",))


def test_columns_that_come_and_go(desk: TableDesk) -> None:
    found = desk.compare({"a": [1], "old": [1]}, {"new": [1], "a": [1]})
    assert (found.schema.added, found.schema.removed) == (("new",), ("old",))
    assert (found.rows.unchanged, found.equal) == (1, False)
    assert desk.compare({"a": [1]}, {"b": [1]}).rows.unchanged == 0


def test_names_with_dots_and_many_row_groups(desk: TableDesk, tmp_path: Path) -> None:
    before = pa.table({"a": range(10), "a.b": range(10, 20)})
    pq.write_table(before, tmp_path / "groups", row_group_size=3)
    pq.write_table(before, tmp_path / "one")
    assert compare_tables(tmp_path / "groups", tmp_path / "one").equal
    assert compare_tables(tmp_path / "groups", tmp_path / "one", key=("a",)).equal


def test_csv_and_parquet(tmp_path: Path) -> None:
    before = pa.table({"id": [1, 2, 3], "s": ["a", "line\nbreak", None], "x": [0.5, None, 2.0]})
    pa_csv.write_csv(before, tmp_path / "before.csv")
    pq.write_table(before, tmp_path / "after.parquet")
    found = compare_tables(tmp_path / "before.csv", tmp_path / "after.parquet", key=("id",))
    assert found.equal


def test_empty_tables(desk: TableDesk) -> None:
    empty = table([])
    assert desk.compare(empty, empty, label="y").equal
    assert desk.compare(empty, table([(1, "x", 1.0, True)]), key=("k",)).rows.added == 1


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"PAR1 and nothing else", "DATA_UNREADABLE"),
        (b"\xff\xfe\x00", "DATA_UNREADABLE"),
        (b"", "DATA_UNREADABLE"),
        (b"a,a\n1,2\n", "DATA_SCHEMA_VIOLATED"),
        (b"a,\n1,2\n", "DATA_SCHEMA_VIOLATED"),
    ],
)
def test_what_is_no_table_is_refused(tmp_path: Path, content: bytes, code: str) -> None:
    (tmp_path / "bad").write_bytes(content)
    pq.write_table(pa.table({"a": [1]}), tmp_path / "good")
    for pair in (("bad", "good"), ("good", "bad")):
        with pytest.raises(DataError) as error:
            compare_tables(*(tmp_path / name for name in pair))
        assert str(error.value.code) == code


def test_nested_columns_and_large_files_are_refused(tmp_path: Path) -> None:
    pq.write_table(pa.table({"a": [[1]]}), tmp_path / "nested")
    with pytest.raises(DataError, match="'a' cannot be compared"):
        compare_tables(tmp_path / "nested", tmp_path / "nested")
    pq.write_table(pa.table({"a": range(1000)}), tmp_path / "large")
    with pytest.raises(DataError, match="larger than the limit"):
        compare_tables(tmp_path / "large", tmp_path / "large", limit=100)


@pytest.mark.parametrize(
    "arguments",
    [{"key": ("z",)}, {"key": ("a", "a")}, {"key": ("a",), "label": "a"}, {"label": "z"}],
)
def test_names_that_are_no_columns_are_usage_errors(
    desk: TableDesk, arguments: dict[str, object]
) -> None:
    with pytest.raises(DataError) as error:
        desk.compare({"a": [1]}, {"a": [1]}, **arguments)
    assert error.value.code == "PARAMETER_INVALID"


def test_result_is_plain_json(desk: TableDesk) -> None:
    found = desk.compare(
        {"id": [1, 1], "y": [0, 1]}, {"id": [1, 2], "y": [0, 0]}, key=("id",), label="y"
    )
    content = json.loads(json.dumps(found.to_json()))
    assert content == TypeAdapter(TableDifference).dump_python(found, mode="json")
