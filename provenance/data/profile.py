"""The data profile: what a table looks like, as canonical JSON.

The same model reads it back, for the detection of drift. Version 2 has what it takes to
measure the drift of a column from two profiles alone (see ``sketch.py``); version 1, which
had not, is still read.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import rfc8785
from pydantic import Field, ValidationError, model_validator

from kfp_provenance.codes import Code
from kfp_provenance.data.sketch import EXACT, Sketch, StoredModel, make_sketch
from kfp_provenance.data.values import Scalar, normal, stored_cell
from kfp_provenance.errors import DataError

MAX_VALUES = 100
"""Values of a column of texts, or of the label, that a profile names."""
MAX_BYTES = 64 * 1024 * 1024
_SIGNIFICANT = 12

ColumnKind = Literal["string", "integer", "number", "boolean", "datetime", "empty"]
ORDERED: frozenset[str] = frozenset({"integer", "number", "datetime"})


class ValueCount(StoredModel):
    """How often a value occurs."""

    value: Scalar
    count: int = Field(ge=1, le=EXACT)


class ColumnProfile(StoredModel):
    """One column.

    Attributes:
        name: Name in the header.
        type: What its values are.
        nulls: Rows without a value.
        distinct: Exact number of different values, nulls not counted.
        minimum: Least value of integers, numbers and datetimes (ISO 8601); an integer that
            JSON cannot hold exactly is written as text.
        maximum: Greatest value, likewise.
        mean: Of integers and numbers, to 12 significant digits; None if no double holds it.
        std: Their standard deviation (of the rows, not of a population), likewise.
        top: Most frequent values of strings and booleans; most frequent first, then by value.
            Version 1 has at most 20 of them.
        others: Rows with a value that ``top`` does not name. Not in version 1.
        sketch: Of integers, numbers and datetimes. Not in version 1.
    """

    name: str
    type: ColumnKind
    nulls: int = Field(ge=0, le=EXACT)
    distinct: int = Field(ge=0, le=EXACT)
    minimum: int | float | str | None = None
    maximum: int | float | str | None = None
    mean: float | None = None
    std: float | None = None
    top: tuple[ValueCount, ...] = Field(default=(), max_length=MAX_VALUES)
    others: int = Field(default=0, ge=0, le=EXACT)
    sketch: Sketch | None = None


class LabelProfile(StoredModel):
    """Distribution of the label: all values, most frequent first; empty if too many."""

    name: str
    distribution: tuple[ValueCount, ...] = Field(default=(), max_length=MAX_VALUES)


class DataProfile(StoredModel):
    """A table.

    Attributes:
        version: Of this format.
        rows: Number of rows.
        columns: In the order of the table.
        label: Distribution of the label, if one was named.
    """

    version: Literal[1, 2] = 2
    rows: int = Field(ge=0, le=EXACT)
    columns: tuple[ColumnProfile, ...]
    label: LabelProfile | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        names = [column.name for column in self.columns]
        if len(set(names)) != len(names):
            raise ValueError("a column is there twice")
        if self.label is not None and _listed(self.label.distribution) > self.rows:
            raise ValueError("the label has more values than the table has rows")
        for column in self.columns:
            values, listed = self.rows - column.nulls, _listed(column.top)
            if values < 0 or listed + column.others > values:
                raise ValueError("a column has more values than the table has rows")
            if self.version == 1:
                if column.sketch is not None or column.others:
                    raise ValueError("version 1 has no sketches")
            elif not _complete(column, values, listed):
                raise ValueError("the counts of a column are not those of its rows")
        return self

    def to_bytes(self) -> bytes:
        """Canonical JSON (RFC 8785): equal profiles are equal bytes."""
        content = self.model_dump(mode="json")
        if self.version == 1:
            for column in content["columns"]:
                del column["others"], column["sketch"]
        return rfc8785.dumps(content)

    def column(self, name: str) -> ColumnProfile | None:
        """The column of that name, if there is one."""
        return next((column for column in self.columns if column.name == name), None)

    @classmethod
    def read(cls, path: Path) -> DataProfile:
        """Read a profile.

        Raises:
            DataError: DATA_UNREADABLE if it is not one.
        """
        try:
            if path.stat().st_size > MAX_BYTES:
                raise ValueError(f"larger than {MAX_BYTES} bytes")
            return cls.model_validate_json(path.read_bytes())
        except (OSError, ValidationError, ValueError) as error:
            raise DataError(
                Code.DATA_UNREADABLE,
                f"not a data profile ({type(error).__name__})",
                where=path.name,
                remedy="pass the output `profile` of `ingest`",
            ) from error


def _listed(values: tuple[ValueCount, ...]) -> int:
    """Rows that have one of the values.

    Raises:
        ValueError: If a value is there twice.
    """
    if len({str(value.value) for value in values}) != len(values):
        raise ValueError("a value is there twice")
    return sum(value.count for value in values)


def _complete(column: ColumnProfile, values: int, listed: int) -> bool:
    """Whether a column of version 2 accounts for each of its values."""
    if column.type in ORDERED and values:
        return column.sketch is not None and column.sketch.rows == values and not listed
    return column.sketch is None and listed + column.others == values


def profile_table(table: pa.Table, label: str = "") -> DataProfile:
    """Profile a table.

    Args:
        table: Columns of plain types. A cell that is not a number (NaN) counts as a null.
        label: Column whose distribution is wanted; empty for none.

    Raises:
        DataError: DATA_SCHEMA_VIOLATED if the label is not a column, or a number is endless.
    """
    if label and label not in table.column_names:
        raise DataError(
            Code.DATA_SCHEMA_VIOLATED,
            f"the table has no label column {label!r}",
            where=f"column {label!r}",
            found=", ".join(table.column_names[:20]),
            remedy="name a column of the table as `label`",
        )
    columns = tuple(_profile_column(name, table.column(name)) for name in table.column_names)
    distribution: tuple[ValueCount, ...] = ()
    if label:
        values = normal(table.column(label)).drop_null()
        if _distinct(values) <= MAX_VALUES:
            distribution = _top(values)
    return DataProfile(
        rows=table.num_rows,
        columns=columns,
        label=LabelProfile(name=label, distribution=distribution) if label else None,
    )


def _profile_column(name: str, raw: pa.ChunkedArray) -> ColumnProfile:
    column = normal(raw)
    kind = _kind(column.type)
    values = column.drop_null()
    common: dict[str, Any] = {
        "name": name,
        "type": kind,
        "nulls": column.null_count,
        "distinct": _distinct(values),
    }
    if not len(values):
        return ColumnProfile(**common)
    if kind not in ORDERED:
        top = _top(values)
        others = len(values) - sum(value.count for value in top)
        return ColumnProfile(top=top, others=others, **common)
    common |= _limits(values)
    if kind == "datetime":
        return ColumnProfile(sketch=make_sketch(microseconds(values)), **common)
    numbers = values.to_numpy()
    floats = numbers.astype(np.float64)
    if not np.isfinite(floats).all():
        raise DataError(
            Code.DATA_SCHEMA_VIOLATED,
            f"a number of column {name!r} has no end",
            where=f"column {name!r}",
            found="infinity",
            remedy="correct the data, or make such cells null",
        )
    with np.errstate(over="ignore", invalid="ignore"):
        common |= {"mean": _rounded(floats.mean()), "std": _rounded(floats.std())}
    return ColumnProfile(sketch=make_sketch(numbers), **common)


def _limits(values: pa.ChunkedArray) -> dict[str, Scalar]:
    kind = values.type
    if pa.types.is_duration(kind):  # pyarrow finds no minimum of spans
        values = values.cast(pa.int64())
    found = pc.min_max(values)
    low, high = (found[end].cast(kind).as_py() for end in ("min", "max"))
    return {"minimum": stored_cell(low), "maximum": stored_cell(high)}


def microseconds(values: pa.ChunkedArray) -> npt.NDArray[np.int64]:
    """Moments and spans as integers, fractions of a microsecond cut off.

    Args:
        values: Without nulls. A date is its first moment; a time is counted from midnight.
    """
    kind = values.type
    if pa.types.is_date(kind) or pa.types.is_timestamp(kind):
        zone = kind.tz if pa.types.is_timestamp(kind) else None
        values = values.cast(pa.timestamp("us", tz=zone), safe=False)
    elif pa.types.is_time(kind):
        values = values.cast(pa.time64("us"), safe=False)
    else:
        values = values.cast(pa.duration("us"), safe=False)
    numbers: npt.NDArray[np.int64] = values.cast(pa.int64()).to_numpy()
    return numbers


def _kind(kind: pa.DataType) -> ColumnKind:
    if pa.types.is_integer(kind):
        return "integer"
    if pa.types.is_floating(kind):
        return "number"
    if pa.types.is_boolean(kind):
        return "boolean"
    if pa.types.is_temporal(kind):
        return "datetime"
    return "empty" if pa.types.is_null(kind) else "string"


def _distinct(values: pa.ChunkedArray) -> int:
    count: int = pc.count_distinct(values).as_py() if len(values) else 0
    return count


def _top(values: pa.ChunkedArray) -> tuple[ValueCount, ...]:
    """The most frequent values with their counts, most frequent first, then by value."""
    counted = pc.value_counts(values)
    table = pa.table({"value": counted.field("values"), "count": counted.field("counts")})
    order = pc.sort_indices(table, sort_keys=[("count", "descending"), ("value", "ascending")])
    return tuple(
        ValueCount(value=stored_cell(row["value"]), count=row["count"])
        for row in table.take(order[:MAX_VALUES]).to_pylist()
    )


def _rounded(value: float) -> float | None:
    """To 12 digits: the last ones of a sum depend on the processor. None if it is endless."""
    return float(f"{value:.{_SIGNIFICANT}g}") if math.isfinite(value) else None
