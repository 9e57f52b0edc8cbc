"""The data profile: what a table looks like, as canonical JSON.

The same model reads it back, for the detection of drift.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import rfc8785
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from kfp_provenance.codes import Code
from kfp_provenance.errors import DataError

TOP_VALUES = 20
MAX_LABELS = 100
MAX_BYTES = 64 * 1024 * 1024
_EXACT = 2**53 - 1
_SIGNIFICANT = 12

ColumnKind = Literal["string", "integer", "number", "boolean", "datetime", "empty"]
Scalar = bool | int | float | str


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ValueCount(_Model):
    """How often a value occurs."""

    value: Scalar
    count: int = Field(ge=1)


class ColumnProfile(_Model):
    """One column.

    Attributes:
        name: Name in the header.
        type: What its values are.
        nulls: Rows without a value.
        distinct: Exact number of different values, nulls not counted.
        minimum: Least value of integers, numbers and datetimes (ISO 8601); an integer that
            JSON cannot hold exactly is written as text.
        maximum: Greatest value, likewise.
        mean: Of integers and numbers, to 12 significant digits.
        std: Their standard deviation (of the rows, not of a population), likewise.
        top: Most frequent values of strings and booleans; most frequent first, then by value.
    """

    name: str
    type: ColumnKind
    nulls: int = Field(ge=0)
    distinct: int = Field(ge=0)
    minimum: int | float | str | None = None
    maximum: int | float | str | None = None
    mean: float | None = None
    std: float | None = None
    top: tuple[ValueCount, ...] = ()


class LabelProfile(_Model):
    """Distribution of the label: all values, most frequent first; empty if too many."""

    name: str
    distribution: tuple[ValueCount, ...] = ()


class DataProfile(_Model):
    """A table.

    Attributes:
        version: Of this format.
        rows: Number of rows.
        columns: In the order of the table.
        label: Distribution of the label, if one was named.
    """

    version: Literal[1] = 1
    rows: int = Field(ge=0)
    columns: tuple[ColumnProfile, ...]
    label: LabelProfile | None = None

    def to_bytes(self) -> bytes:
        """Canonical JSON (RFC 8785): equal profiles are equal bytes."""
        return rfc8785.dumps(self.model_dump(mode="json"))

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


def profile_table(table: pa.Table, label: str = "") -> DataProfile:
    """Profile a table.

    Args:
        table: Columns of plain types.
        label: Column whose distribution is wanted; empty for none.

    Raises:
        DataError: DATA_SCHEMA_VIOLATED if the label is not a column.
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
        column = table.column(label)
        if pc.count_distinct(column).as_py() <= MAX_LABELS:
            distribution = _counts(column)
    return DataProfile(
        rows=table.num_rows,
        columns=columns,
        label=LabelProfile(name=label, distribution=distribution) if label else None,
    )


def _profile_column(name: str, column: pa.ChunkedArray) -> ColumnProfile:
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
    if kind in ("string", "boolean"):
        return ColumnProfile(top=_counts(values)[:TOP_VALUES], **common)
    limits = pc.min_max(values).as_py()
    common |= {"minimum": _json(limits["min"]), "maximum": _json(limits["max"])}
    if kind != "datetime":
        numbers = values.to_numpy().astype(np.float64)
        common |= {"mean": _rounded(numbers.mean()), "std": _rounded(numbers.std())}
    return ColumnProfile(**common)


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


def _counts(column: pa.ChunkedArray) -> tuple[ValueCount, ...]:
    """All values with their counts, most frequent first, then by value."""
    pairs = [
        (item["counts"], _json(item["values"]))
        for item in pc.value_counts(column.drop_null()).to_pylist()
    ]
    pairs.sort(key=lambda pair: (-pair[0], str(pair[1])))
    return tuple(ValueCount(value=value, count=count) for count, value in pairs)


def _json(value: object) -> Scalar:
    """A cell as JSON can hold it exactly."""
    if isinstance(value, bool | float):
        return value
    if isinstance(value, int):
        return value if abs(value) <= _EXACT else str(value)
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def _rounded(value: float) -> float:
    """To 12 digits: the last ones of a sum depend on the processor."""
    return float(f"{value:.{_SIGNIFICANT}g}")
