"""Parquet between components: the same table gives the same bytes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from kfp_provenance.codes import Code
from kfp_provenance.data.opening import MAX_BYTES, check_unpacked
from kfp_provenance.data.values import normal_type
from kfp_provenance.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

ROW_GROUP_ROWS = 65_536


def write_table(table: pa.Table, path: Path) -> None:
    """Write Parquet whose bytes depend on the table only.

    Chunks are joined and metadata of other libraries (pandas writes its version there)
    is dropped. The bytes still depend on the version of pyarrow, which the step records
    with its environment.

    Args:
        table: Rows and columns.
        path: File to write; its folder is made.
    """
    plain = _plain(table).combine_chunks().replace_schema_metadata(None)
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(
        plain,
        path,
        version="2.6",
        compression="zstd",
        compression_level=3,
        row_group_size=ROW_GROUP_ROWS,
        use_dictionary=True,
        write_statistics=True,
    )


def write_frame(frame: pd.DataFrame, path: Path) -> None:
    """Write a data frame, without its index."""
    write_table(pa.Table.from_pandas(frame, preserve_index=False), path)


def read_table(path: Path, *, limit: int = MAX_BYTES) -> pa.Table:
    """Read Parquet, with its columns in plain types.

    Args:
        path: The file.
        limit: Bytes that the table may take when unpacked, as its footer says.

    Raises:
        DataError: DATA_UNREADABLE if it is not Parquet or too large.
    """
    try:
        with pq.ParquetFile(path) as file:
            check_unpacked(path, file, limit)
            return _plain(file.read())
    except (pa.ArrowException, OSError) as error:
        raise DataError(
            Code.DATA_UNREADABLE,
            f"not a readable Parquet file ({type(error).__name__})",
            where=path.name,
            remedy="pass the output of `ingest` or `preprocess`, or another Parquet file",
        ) from error


def _plain(table: pa.Table) -> pa.Table:
    """Dictionaries, long strings and short floats of other writers as the plain types."""
    columns = []
    for column in table.columns:
        kind = normal_type(column.type)
        if pa.types.is_decimal(kind):
            kind = pa.float64()
        columns.append(column if kind == column.type else column.cast(kind))
    return pa.table(columns, names=table.column_names)


def read_frame(path: Path) -> pd.DataFrame:
    """Read Parquet as a data frame; see :func:`read_table`."""
    frame: pd.DataFrame = read_table(path).to_pandas()
    return frame


def label_column(frame: pd.DataFrame, label: str) -> pd.Series:
    """The column to predict.

    Raises:
        DataError: DATA_SCHEMA_VIOLATED if it is not there, PARAMETER_INVALID if unnamed.
    """
    if not label:
        raise DataError(
            Code.PARAMETER_INVALID,
            "the label column must be named",
            where="parameter 'label'",
            remedy="pass the name that `preprocess` was given",
        )
    if label not in frame.columns:
        raise DataError(
            Code.DATA_SCHEMA_VIOLATED,
            f"the data has no label column {label!r}",
            where=f"column {label!r}",
            found=", ".join(map(str, frame.columns[:20])),
            remedy="pass the label that `preprocess` was given",
        )
    return frame[label]
