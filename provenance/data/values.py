"""Cells: one form for the same value, as a column and in JSON."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from kfp_provenance.data.sketch import stored_number

Scalar = bool | int | float | str

NULL_VALUES = ("", "NA", "N/A", "NaN", "nan", "NULL", "null")
"""Cells of a CSV file that mean that there is no value."""


def normal_type(kind: pa.DataType) -> pa.DataType:
    """The one type for values of this kind: dictionaries are what they hold, floats doubles."""
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    if pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return pa.string()
    if pa.types.is_float16(kind) or pa.types.is_float32(kind):
        return pa.float64()
    return kind


def normal(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """A column in which equal values are equal bits.

    It has its :func:`normal_type`, minus zero is zero, and a cell that is not a number (NaN) is
    a null. In integers, decimals and moments there is only one way to write a value.
    """
    kind = normal_type(column.type)
    if kind != column.type:
        column = column.cast(kind)
    if pa.types.is_floating(kind):
        column = pc.if_else(pc.is_nan(column), pa.scalar(None, kind), pc.add(column, 0.0))
    return column


def stored_cell(value: object) -> Scalar:
    """A cell as JSON can hold it exactly; moments in ISO 8601."""
    if isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        return stored_number(value)
    return value.isoformat() if hasattr(value, "isoformat") else str(value)
