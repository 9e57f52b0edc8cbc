"""The declared schema of a table, and what breaks it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import pyarrow as pa
import pyarrow.compute as pc

from kfp_provenance.codes import Code
from kfp_provenance.components._parameters import ParameterModel, invalid, parse, whole_numbers
from kfp_provenance.errors import DataError

_FIRST_ROWS = 5
_TYPES = {
    "string": pa.string(),
    "category": pa.string(),
    "integer": pa.int64(),
    "number": pa.float64(),
    "boolean": pa.bool_(),
    "datetime": pa.timestamp("us"),
}


class ColumnRule(ParameterModel):
    """What is declared of one column.

    Attributes:
        name: Name in the header.
        type: What its values are.
        nullable: Whether a value may be missing.
        allowed: The only values, if given; of the column's type.
        minimum: Least value, for integers, numbers and datetimes (ISO 8601).
        maximum: Greatest value, likewise.
    """

    name: str
    type: Literal["string", "integer", "number", "boolean", "datetime", "category"]
    nullable: bool = True
    allowed: tuple[str | int | float | bool, ...] | None = None
    minimum: int | float | str | None = None
    maximum: int | float | str | None = None


class TableSchema(ParameterModel):
    """What is declared of a table.

    Attributes:
        columns: Columns that must be there; empty declares nothing.
        extra_columns: What to do with any other column.
        key: Columns that together name a row: none is null, no two rows have the same.
    """

    columns: tuple[ColumnRule, ...] = ()
    extra_columns: Literal["refuse", "drop", "keep"] = "refuse"
    key: tuple[str, ...] = ()

    @classmethod
    def from_parameter(cls, value: dict[str, object]) -> TableSchema:
        """Read the parameter ``schema``; an empty one keeps every column as it is.

        Raises:
            DataError: PARAMETER_INVALID.
        """
        schema = parse(cls, whole_numbers(value) if value else {"extra_columns": "keep"}, "schema")
        names = [rule.name for rule in schema.columns]
        for name in names:
            if names.count(name) > 1:
                raise invalid("schema", f"column {name!r} is declared twice")
        if len(set(schema.key)) < len(schema.key):
            raise invalid("schema", "a column of the key is named twice")
        return schema


@dataclass(frozen=True)
class Violation:
    """One rule that one column breaks.

    Attributes:
        column: Name of the column.
        rule: What it breaks.
        rows: Numbers of the first rows that break it; the first data row is 1.
        count: How many rows break it; 0 if the column as a whole does.
    """

    column: str
    rule: str
    rows: tuple[int, ...] = ()
    count: int = 0

    def __str__(self) -> str:
        if not self.count:
            return f"{self.column!r} {self.rule}"
        more = ", ..." if self.count > len(self.rows) else ""
        noun = "row" if self.count == 1 else "rows"
        numbers = ", ".join(map(str, self.rows))
        return f"{self.column!r} {self.rule} in {self.count} {noun} ({numbers}{more})"


def broken_rows(column: str, rule: str, broken: pa.ChunkedArray | pa.Array) -> list[Violation]:
    """A violation for the true values of ``broken``; none if there is none."""
    rows = pc.indices_nonzero(pc.fill_null(broken, False))  # noqa: FBT003 - pyarrow's signature
    if not len(rows):
        return []
    first = tuple(index + 1 for index in rows[:_FIRST_ROWS].to_pylist())
    return [Violation(column, rule, first, len(rows))]


def refuse(violations: list[Violation]) -> None:
    """Raise what was found, if anything was. Values of cells are never part of it.

    Raises:
        DataError: DATA_SCHEMA_VIOLATED.
    """
    if not violations:
        return
    columns = sorted({violation.column for violation in violations})
    noun = "column breaks" if len(columns) == 1 else "columns break"
    raise DataError(
        Code.DATA_SCHEMA_VIOLATED,
        f"{len(columns)} {noun} the schema: " + "; ".join(map(str, violations[:20])),
        where=f"column {columns[0]!r}",
        found=f"{len(violations)} broken rules",
        remedy="correct the data, or declare what it really is in the parameter `schema`",
    )


def enforce(table: pa.Table, schema: TableSchema) -> pa.Table:
    """The table in the declared types, with the declared columns.

    Args:
        table: What was read.
        schema: What was declared.

    Raises:
        DataError: DATA_SCHEMA_VIOLATED with every broken rule (column, rows, count).
    """
    declared = {rule.name: rule for rule in schema.columns}
    violations = list(_columns_broken(table, schema))
    refuse(violations)
    kept = [n for n in table.column_names if n in declared or schema.extra_columns == "keep"]
    columns: dict[str, pa.ChunkedArray] = {}
    for name in kept:
        column = table.column(name)
        if name in declared:
            column, found = _typed(column, declared[name])
            violations += found or list(_values_broken(column, declared[name]))
        violations += list(_always_broken(name, column))
        columns[name] = column
    refuse(violations)
    typed = pa.table(columns)
    refuse(list(_key_broken(typed, schema.key)))
    return typed


def _key_broken(table: pa.Table, key: tuple[str, ...]) -> Iterator[Violation]:
    """Columns of the key that are missing or null, or else rows that share their key."""
    for name in key:
        if name not in table.column_names:
            yield Violation(name, "is missing, and is part of the key")
        else:
            yield from broken_rows(name, "is null, and is part of the key",
                                   pc.is_null(table.column(name)))  # fmt: skip
    if not key or not all(name in table.column_names for name in key):
        return
    rows = pa.array(range(table.num_rows), pa.int64())
    numbered = table.select(list(key)).append_column("", rows)
    first = numbered.group_by(list(key)).aggregate([("", "min")]).column("_min")
    again = pc.invert(pc.is_in(rows, value_set=first.combine_chunks()))
    yield from broken_rows(", ".join(key), "is the key of an earlier row", again)


def _columns_broken(table: pa.Table, schema: TableSchema) -> Iterator[Violation]:
    declared = [rule.name for rule in schema.columns]
    for name in dict.fromkeys(table.column_names):
        if table.column_names.count(name) > 1:
            yield Violation(name, "is there more than once")
        if not name:
            yield Violation(name, "has no name")
        if name not in declared and schema.extra_columns == "refuse":
            yield Violation(name, "is not declared")
    for name in declared:
        if name not in table.column_names:
            yield Violation(name, "is missing")


def _typed(column: pa.ChunkedArray, rule: ColumnRule) -> tuple[pa.ChunkedArray, list[Violation]]:
    """The column in its declared type, or the rows that are not of it."""
    target = _TYPES[rule.type]
    source = column.type
    if rule.type == "datetime" and pa.types.is_timestamp(source):
        target = pa.timestamp("us", tz="UTC" if source.tz else None)
    text = pa.types.is_string(source) or pa.types.is_large_string(source)
    numeric = pa.types.is_integer(source) or pa.types.is_floating(source)
    time = pa.types.is_timestamp(source) or pa.types.is_date(source)
    fits = {
        "string": text,
        "category": text or numeric or pa.types.is_boolean(source),
        "integer": text or numeric,
        "number": text or numeric,
        "boolean": text or pa.types.is_boolean(source),
        "datetime": text or time,
    }[rule.type]
    if not (fits or pa.types.is_null(source)):
        return column, [Violation(rule.name, f"is {source}, not {rule.type}")]
    try:
        return column.cast(target), []
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        broken = [not _castable(value, target) for value in column]
        rule_text = f"is not {rule.type}"
        return column, broken_rows(rule.name, rule_text, pa.array(broken))


def _castable(value: pa.Scalar, target: pa.DataType) -> bool:
    try:
        value.cast(target)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return False
    return True


def _values_broken(column: pa.ChunkedArray, rule: ColumnRule) -> Iterator[Violation]:
    if not rule.nullable:
        yield from broken_rows(rule.name, "is null", pc.is_null(column))
    if rule.allowed is not None:
        allowed = _literals(rule, "allowed", rule.allowed, column.type)
        outside = pc.and_(pc.is_valid(column), pc.invert(pc.is_in(column, value_set=allowed)))
        yield from broken_rows(rule.name, "has a value that is not allowed", outside)
    if rule.minimum is not None:
        least = _literals(rule, "minimum", [rule.minimum], column.type)[0]
        yield from broken_rows(rule.name, f"is below {rule.minimum}", pc.less(column, least))
    if rule.maximum is not None:
        most = _literals(rule, "maximum", [rule.maximum], column.type)[0]
        yield from broken_rows(rule.name, f"is above {rule.maximum}", pc.greater(column, most))


def _literals(rule: ColumnRule, key: str, values: Sequence[object], kind: pa.DataType) -> pa.Array:
    """Values of the schema in the type of the column."""
    ordered = rule.type in ("integer", "number", "datetime")
    try:
        if key != "allowed" and not ordered:
            raise TypeError(f"a {rule.type} has no order")
        if rule.type == "boolean" and not all(isinstance(value, bool) for value in values):
            raise TypeError("true or false expected")
        if pa.types.is_string(kind) or pa.types.is_timestamp(kind):
            return pa.array([str(value) for value in values]).cast(kind)
        if any(isinstance(value, (bool, str)) for value in values) and rule.type != "boolean":
            raise TypeError("a number expected")
        return pa.array(values, type=kind)
    except (pa.ArrowException, TypeError) as error:
        raise invalid(
            f"schema.columns.{rule.name}.{key}", f"does not fit type {rule.type}", found=values
        ) from error


def _always_broken(name: str, column: pa.ChunkedArray) -> Iterator[Violation]:
    """Rules that hold for every table."""
    kind = column.type
    if pa.types.is_nested(kind) or pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        yield Violation(name, f"has the type {kind}, which is not a value of a table")
    if pa.types.is_floating(kind):
        yield from broken_rows(name, "is not finite", pc.is_inf(column))
