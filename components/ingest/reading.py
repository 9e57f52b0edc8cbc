"""CSV and Parquet files to Arrow tables."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path, PurePosixPath
from typing import BinaryIO
from urllib.parse import urlsplit

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pc_csv

from kfp_provenance.codes import Code
from kfp_provenance.components._parameters import invalid, one_of
from kfp_provenance.components._tables import read_table
from kfp_provenance.components.ingest.schema import TableSchema
from kfp_provenance.data.values import NULL_VALUES
from kfp_provenance.errors import DataError

FORMATS = ("csv", "csv.gz", "parquet")

_CHUNK = 1024 * 1024
_BLOCK = 256 * 1024 * 1024
_COLUMN_TYPES = {
    "string": pa.string(),
    "category": pa.string(),
    "integer": pa.int64(),
    "number": pa.float64(),
    "boolean": pa.bool_(),
}


def detect_format(uri: str, declared: str) -> str:
    """Format of a table: as declared, or by the ending of its path.

    Raises:
        DataError: PARAMETER_INVALID if neither says it.
    """
    if declared:
        return one_of("format", declared, FORMATS)
    name = PurePosixPath(urlsplit(uri).path or uri).name.lower()
    for form in FORMATS:
        if name.endswith(f".{form}"):
            return form
    raise invalid(
        "format",
        "the ending of the path does not say what it is",
        found=name,
        remedy=f"pass one of: {', '.join(FORMATS)}",
    )


def read(path: Path, form: str, schema: TableSchema, *, limit: int) -> pa.Table:
    """Read a table, with missing and not-a-number cells as nulls.

    Args:
        path: The downloaded file.
        form: One of :data:`FORMATS`.
        schema: Declared columns; their types guide the reading of CSV.
        limit: Bytes that the unpacked content may have.

    Raises:
        DataError: DATA_UNREADABLE if the bytes are not what ``form`` says, too large when
            unpacked, or without rows.
    """
    if form == "parquet":
        table = read_table(path, limit=limit)
    elif form == "csv.gz":
        unpacked = path.with_name(path.name + ".unpacked")
        _unpack(path, unpacked, limit)
        table = _read_csv(unpacked, schema)
        unpacked.unlink()
    else:
        table = _read_csv(path, schema)
    if form != "parquet" and any(map(pa.types.is_binary, table.schema.types)):
        raise _unreadable("not a CSV table in UTF-8", path)
    if not table.num_rows:
        raise _unreadable("the table has no rows", path)
    return _normal(table)


def _unreadable(message: str, path: Path, remedy: str = "") -> DataError:
    return DataError(
        Code.DATA_UNREADABLE,
        message,
        where=path.name,
        remedy=remedy or "check the file and the parameter `format`",
    )


def _unpack(source: Path, target: Path, limit: int) -> None:
    """Unpack gzip, never more than ``limit`` bytes."""
    written = 0
    try:
        with gzip.open(source, "rb") as packed, target.open("xb") as file:
            while chunk := packed.read(_CHUNK):
                written += len(chunk)
                if written > limit:
                    raise _unreadable(
                        f"larger than {limit} bytes when unpacked", source, "raise `max_bytes`"
                    )
                file.write(chunk)
    except (OSError, EOFError, zlib.error) as error:
        raise _unreadable(f"not gzip ({type(error).__name__})", source) from error


def _read_csv(path: Path, schema: TableSchema) -> pa.Table:
    """Read CSV in declared types; where that fails as text, so that rows can be named."""
    declared = {rule.name: _COLUMN_TYPES.get(rule.type) for rule in schema.columns}
    known = {name: kind for name, kind in declared.items() if kind is not None}
    try:
        with path.open("rb") as file:
            return _parse(file, known)
    except pa.ArrowInvalid as error:
        if "conversion error" not in str(error):
            # the parser's words can hold cells of the data: keep them out of ours
            raise _unreadable("not a CSV table in UTF-8", path) from error
        if not declared:
            remedy = "declare the columns' types in the parameter `schema`"
            raise _unreadable("a column changes its type", path, remedy) from error
    try:
        with path.open("rb") as file:
            return _parse(file, dict.fromkeys(declared, pa.string()))
    except pa.ArrowInvalid as error:
        raise _unreadable("an undeclared column changes its type", path) from error


def _parse(file: BinaryIO, types: dict[str, pa.DataType]) -> pa.Table:
    return pc_csv.read_csv(
        file,
        # types of undeclared columns are inferred from the first block
        read_options=pc_csv.ReadOptions(block_size=_BLOCK),
        parse_options=pc_csv.ParseOptions(newlines_in_values=True),
        convert_options=pc_csv.ConvertOptions(
            column_types=types, null_values=list(NULL_VALUES), strings_can_be_null=True
        ),
    )


def _normal(table: pa.Table) -> pa.Table:
    """One form for the same values: no NaN, and moments in microseconds at least."""
    columns = []
    for column in table.columns:
        kind = column.type
        if pa.types.is_floating(kind):
            column = pc.if_else(pc.is_nan(column), pa.scalar(None, kind), column)  # noqa: PLW2901
        elif pa.types.is_timestamp(kind) and kind.unit in ("s", "ms"):
            column = column.cast(pa.timestamp("us", tz=kind.tz))  # noqa: PLW2901
        columns.append(column)
    return pa.table(columns, names=table.column_names)
