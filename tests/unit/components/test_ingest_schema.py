from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kfp_provenance.components.ingest.schema import TableSchema, enforce
from kfp_provenance.errors import DataError


def schema(*columns: dict[str, Any], extra: str = "refuse") -> TableSchema:
    return TableSchema.from_parameter({"columns": list(columns), "extra_columns": extra})


def violated(table: pa.Table, rules: TableSchema) -> DataError:
    with pytest.raises(DataError) as error:
        enforce(table, rules)
    assert error.value.code == "DATA_SCHEMA_VIOLATED"
    return error.value


def test_no_schema_keeps_everything() -> None:
    table = pa.table({"a": [1, None], "b": ["x", "y"]})
    assert enforce(table, TableSchema.from_parameter({})).equals(table)


def test_rows_and_count_are_named_and_cells_are_not() -> None:
    table = pa.table({"age": [20, -3, None, -9, 40, -1, -1, -1, -1]})
    error = violated(table, schema({"name": "age", "type": "integer", "minimum": 0}))
    assert "'age' is below 0 in 6 rows (2, 4, 6, 7, 8, ...)" in error.message
    assert "-9" not in str(error)


def test_every_broken_column_is_named() -> None:
    table = pa.table({"a": [None, 1], "b": ["x", "secret"], "c": [0.5, 1.5]})
    error = violated(
        table,
        schema(
            {"name": "a", "type": "integer", "nullable": False},
            {"name": "b", "type": "category", "allowed": ["x", "y"]},
            {"name": "c", "type": "number", "maximum": 1},
        ),
    )
    assert "'a' is null in 1 row (1)" in error.message
    assert "'b' has a value that is not allowed in 1 row (2)" in error.message
    assert "'c' is above 1 in 1 row (2)" in error.message
    assert "secret" not in str(error)


@pytest.mark.parametrize("values", [["1", "x", "3"], [1.0, 2.5, 3.0]])
def test_wrong_type_names_rows(values: list[object]) -> None:
    error = violated(pa.table({"a": values}), schema({"name": "a", "type": "integer"}))
    assert "'a' is not integer in 1 row (2)" in error.message


def test_wrong_kind_of_column() -> None:
    error = violated(pa.table({"a": [True]}), schema({"name": "a", "type": "number"}))
    assert "is bool, not number" in error.message


@pytest.mark.parametrize(
    ("extra", "names"), [("drop", ["a"]), ("keep", ["b", "a"]), ("refuse", None)]
)
def test_extra_columns(extra: str, names: list[str] | None) -> None:
    table = pa.table({"b": [1], "a": [2]})
    rules = schema({"name": "a", "type": "integer"}, extra=extra)
    if names is None:
        assert "'b' is not declared" in violated(table, rules).message
    else:
        assert enforce(table, rules).column_names == names


def test_missing_and_double_columns() -> None:
    table = pa.table([pa.array([1]), pa.array([2])], names=["a", "a"])
    message = violated(table, schema({"name": "z", "type": "integer"}, extra="keep")).message
    assert "'a' is there more than once" in message
    assert "'z' is missing" in message


def test_infinity_and_nested_values_are_never_data() -> None:
    table = pa.table({"a": [1.0, float("inf")], "b": [[1], [2]]})
    message = violated(table, TableSchema.from_parameter({})).message
    assert "'a' is not finite in 1 row (2)" in message
    assert "'b' has the type list" in message


def test_datetime_range() -> None:
    table = pa.table({"t": ["2024-01-01", "2025-06-01T12:00:00"]})
    rules = schema({"name": "t", "type": "datetime", "maximum": "2025-01-01"})
    assert "'t' is above 2025-01-01 in 1 row (2)" in violated(table, rules).message


@pytest.mark.parametrize(
    "value",
    [
        {"columns": [{"name": "a"}]},
        {"columns": [{"name": "a", "type": "text"}]},
        {"columns": [{"name": "a", "type": "integer"}, {"name": "a", "type": "number"}]},
        {"columns": [], "extra": "drop"},
        {"columns": [], "extra_columns": "ignore"},
    ],
)
def test_wrong_schema_is_a_wrong_parameter(value: dict[str, Any]) -> None:
    with pytest.raises(DataError) as error:
        TableSchema.from_parameter(value)
    assert error.value.code == "PARAMETER_INVALID"
    assert "schema" in error.value.where


@pytest.mark.parametrize(
    "rule",
    [
        {"type": "integer", "allowed": ["x"]},
        {"type": "boolean", "allowed": [1]},
        {"type": "string", "minimum": 1},
        {"type": "number", "minimum": "low"},
    ],
)
def test_rule_that_does_not_fit_its_type(rule: dict[str, Any]) -> None:
    types = {"integer": 1, "boolean": True, "string": "a", "number": 1.5}
    table = pa.table({"a": [types[rule["type"]]]})
    with pytest.raises(DataError) as error:
        enforce(table, schema({"name": "a", **rule}))
    assert error.value.code == "PARAMETER_INVALID"


def test_integers_of_a_pipeline_may_arrive_as_doubles() -> None:
    rules = schema({"name": "a", "type": "integer", "allowed": [1.0, 2.0], "minimum": 1.0})
    assert enforce(pa.table({"a": [1, 2]}), rules).num_rows == 2


@given(st.lists(st.one_of(st.none(), st.integers(-5, 5)), min_size=1, max_size=40))
def test_counts_agree_with_a_plain_count(values: list[int | None]) -> None:
    table = pa.table({"a": pa.array(values, pa.int64())})
    rules = schema({"name": "a", "type": "integer", "minimum": 0})
    broken = [number for number, value in enumerate(values, 1) if value is not None and value < 0]
    if not broken:
        assert pc.all(pc.equal(enforce(table, rules)["a"], table["a"])).as_py() in (True, None)
        return
    message = violated(table, rules).message
    noun = "row" if len(broken) == 1 else "rows"
    assert f"in {len(broken)} {noun} (" + ", ".join(map(str, broken[:5])) in message


def keyed(*names: str) -> TableSchema:
    return TableSchema.from_parameter({"extra_columns": "keep", "key": list(names)})


def test_a_key_names_each_row_once() -> None:
    table = pa.table({"a": [1, 1, 2], "b": ["x", "y", "x"], "c": [None, 0, 0]})
    assert enforce(table, keyed("a", "b")).equals(table)
    error = violated(table, keyed("a"))
    assert "'a' is the key of an earlier row in 1 row (2)" in error.message
    error = violated(table, keyed("b", "c"))
    assert "'c' is null, and is part of the key in 1 row (1)" in error.message
    assert "'d' is missing, and is part of the key" in violated(table, keyed("d")).message


def test_a_key_named_twice_is_no_schema() -> None:
    with pytest.raises(DataError, match="PARAMETER_INVALID"):
        keyed("a", "a")
