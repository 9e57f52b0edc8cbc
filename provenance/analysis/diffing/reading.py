"""Columns and profiles of a file that may be a table."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pc_csv
import pyarrow.parquet as pq

from kfp_provenance.codes import Code
from kfp_provenance.data.opening import PARQUET_MAGIC, open_table
from kfp_provenance.data.profile import ColumnProfile, DataProfile, LabelProfile, profile_table
from kfp_provenance.errors import DataError

_HEAD = 4096
_OTHER_TEXTS = (b"{", b"[", b"<")


def columns_of(path: Path) -> tuple[str, ...]:
    """Names of the columns, without reading the table.

    Raises:
        DataError: DATA_UNREADABLE if it is not a table: neither Parquet nor a text, or a text
            that begins like JSON or a page.
    """
    with path.open("rb") as file:
        head = file.read(_HEAD)
    if not head.startswith(PARQUET_MAGIC) and (
        b"\0" in head or head.lstrip().startswith(_OTHER_TEXTS)
    ):
        raise _no_table("neither Parquet nor CSV")
    try:
        if head.startswith(PARQUET_MAGIC):
            return tuple(pq.read_schema(path).names)
        options = pc_csv.ParseOptions(newlines_in_values=True)
        with pc_csv.open_csv(path, parse_options=options) as reader:
            return tuple(reader.schema.names)
    except (pa.ArrowException, OSError) as error:
        raise _no_table(type(error).__name__) from error


def profile_of(path: Path, label: str, limit: int) -> DataProfile:
    """Profile of a table, column by column, so that memory holds one.

    Args:
        path: A file of which :func:`columns_of` has said that it is a table.
        label: Column whose distribution is wanted, if the table has it.
        limit: Bytes that it may have when unpacked.

    Raises:
        DataError: As ``open_table`` and ``profile_table`` do.
    """
    columns: list[ColumnProfile] = []
    distribution: LabelProfile | None = None
    with open_table(path, limit=limit) as table:
        for name in table.types:
            one = profile_table(
                pa.table({name: table.column(name)}), label if name == label else ""
            )
            columns += one.columns
            distribution = one.label or distribution
        return DataProfile(rows=table.rows, columns=tuple(columns), label=distribution)


def _no_table(reason: str) -> DataError:
    return DataError(
        Code.DATA_UNREADABLE,
        f"it is no table ({reason})",
        remedy="compare Parquet files, or CSV files in UTF-8",
    )
