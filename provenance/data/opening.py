"""Tables of files, a column at a time: memory holds one column of a Parquet file, not all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import pyarrow as pa
import pyarrow.csv as pc_csv
import pyarrow.parquet as pq

from kfp_provenance.codes import Code
from kfp_provenance.data.values import NULL_VALUES, normal
from kfp_provenance.errors import DataError

MAX_BYTES = 16 * 1024**3
MAX_ROWS = 1_000_000_000
_BLOCK = 256 * 1024 * 1024
PARQUET_MAGIC = b"PAR1"


@dataclass(frozen=True)
class TableFile:
    """An open table.

    Attributes:
        name: Of the file, for errors.
        types: Arrow type by name of the column, in the order of the table.
        rows: Number of rows.
        source: The open Parquet file, or the table of a CSV file.
    """

    name: str
    types: dict[str, pa.DataType]
    rows: int
    source: pq.ParquetFile | pa.Table

    def column(self, name: str) -> pa.ChunkedArray:
        """One column, equal values as equal bits (see ``values.normal``).

        Raises:
            DataError: DATA_UNREADABLE if its bytes cannot be read.
        """
        if isinstance(self.source, pa.Table):
            return normal(self.source.column(name))
        try:
            # a name with a dot can bring others along: take the one that was asked for
            return normal(self.source.read(columns=[name]).column(name))
        except (pa.ArrowException, OSError, KeyError) as error:
            _unreadable(f"column {name!r} cannot be read ({type(error).__name__})", self.name)


@contextmanager
def open_table(path: Path, *, limit: int = MAX_BYTES) -> Iterator[TableFile]:
    """Open a Parquet or a CSV file, told apart by its first bytes.

    The types of a CSV file's columns are inferred; it is held in memory as a whole.

    Args:
        path: The file.
        limit: Bytes that it may have, for Parquet when unpacked, as its footer says.

    Raises:
        DataError: DATA_UNREADABLE if it is neither, or too large; DATA_SCHEMA_VIOLATED if a
            column is there twice, has no name, or holds what is no value of a table.
    """
    source = _open(path)
    with ExitStack() as stack:
        if isinstance(source, pq.ParquetFile):
            stack.enter_context(source)
            check_unpacked(path, source, limit)
            yield _checked(path, source.schema_arrow, source.metadata.num_rows, source)
        else:
            _check_size(path, source, limit)
            table = _read_csv(path)
            yield _checked(path, table.schema, table.num_rows, table)


def _open(path: Path) -> pq.ParquetFile | int:
    """The Parquet file, or the size of what is none."""
    try:
        with path.open("rb") as file:
            parquet = file.read(len(PARQUET_MAGIC)) == PARQUET_MAGIC
            return pq.ParquetFile(path) if parquet else os.fstat(file.fileno()).st_size
    except (pa.ArrowException, OSError) as error:
        _unreadable(f"it cannot be opened ({type(error).__name__})", path.name)


def _read_csv(path: Path) -> pa.Table:
    try:
        return pc_csv.read_csv(
            path,
            # types are inferred from the first block: large enough to be all of most files
            read_options=pc_csv.ReadOptions(block_size=_BLOCK),
            parse_options=pc_csv.ParseOptions(newlines_in_values=True),
            convert_options=pc_csv.ConvertOptions(
                null_values=list(NULL_VALUES), strings_can_be_null=True
            ),
        )
    except (pa.ArrowException, OSError) as error:
        _unreadable(f"neither Parquet nor CSV ({type(error).__name__})", path.name)


def _checked(
    path: Path, schema: pa.Schema, rows: int, source: pq.ParquetFile | pa.Table
) -> TableFile:
    for name, kind in zip(schema.names, schema.types, strict=True):
        binary = pa.types.is_binary(kind) or pa.types.is_large_binary(kind)
        if not name or schema.names.count(name) > 1 or pa.types.is_nested(kind) or binary:
            raise DataError(
                Code.DATA_SCHEMA_VIOLATED,
                f"column {name!r} cannot be compared",
                where=path.name,
                expected="columns of different names, of texts, numbers, truth values or moments",
                found=f"{schema.names.count(name)} of this name, of type {kind}",
                remedy="compare what `ingest` or `preprocess` wrote",
            )
    if rows > MAX_ROWS:
        _unreadable(f"it has {rows} rows, more than {MAX_ROWS}", path.name)
    return TableFile(path.name, dict(zip(schema.names, schema.types, strict=True)), rows, source)


def check_unpacked(path: Path, file: pq.ParquetFile, limit: int) -> None:
    """See that a Parquet file is not too large when unpacked, as its footer says.

    Raises:
        DataError: DATA_UNREADABLE.
    """
    groups = range(file.metadata.num_row_groups)
    size = sum(file.metadata.row_group(group).total_byte_size for group in groups)
    _check_size(path, size, limit)


def _check_size(path: Path, size: int, limit: int) -> None:
    if size > limit:
        raise DataError(
            Code.DATA_UNREADABLE,
            "the table is larger than the limit when unpacked",
            where=path.name,
            expected=f"at most {limit} bytes",
            found=f"{size} bytes",
            remedy="raise the limit, or split the data",
        )


def _unreadable(message: str, where: str) -> NoReturn:
    raise DataError(
        Code.DATA_UNREADABLE,
        f"the table cannot be compared: {message}",
        where=where,
        remedy="pass a Parquet file, or a CSV file in UTF-8",
    )
