from __future__ import annotations

import gzip
from pathlib import Path

import pyarrow as pa
import pytest

from kfp_provenance.components._tables import write_table
from kfp_provenance.components.ingest.reading import detect_format, read
from kfp_provenance.components.ingest.schema import TableSchema, enforce
from kfp_provenance.errors import DataError

FREE = TableSchema.from_parameter({})
LIMIT = 10_000_000


def write(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def unreadable(path: Path, form: str, limit: int = LIMIT) -> DataError:
    with pytest.raises(DataError) as error:
        read(path, form, FREE, limit=limit)
    assert error.value.code == "DATA_UNREADABLE"
    return error.value


@pytest.mark.parametrize(
    ("uri", "form"),
    [
        ("data/a.csv", "csv"),
        ("file:///data/a.CSV.GZ", "csv.gz"),
        ("gs://bucket/a.b/part.parquet", "parquet"),
        ("https://example.org/a.csv?token=x.parquet", "csv"),
    ],
)
def test_format_by_path(uri: str, form: str) -> None:
    assert detect_format(uri, "") == form


@pytest.mark.parametrize(("uri", "declared"), [("data/a.txt", ""), ("data/a.csv", "tsv")])
def test_unknown_format(uri: str, declared: str) -> None:
    with pytest.raises(DataError) as error:
        detect_format(uri, declared)
    assert error.value.code == "PARAMETER_INVALID"


def test_csv_gz_and_parquet_give_the_same_table(tmp_path: Path) -> None:
    text = b'n,x,s,b,t\n1,0.5,"a,""b\nc",true,2024-01-01T00:00:00Z\n2,NA,NA,false,\n'
    plain = read(write(tmp_path / "a", text), "csv", FREE, limit=LIMIT)
    packed = read(write(tmp_path / "b", gzip.compress(text, mtime=0)), "csv.gz", FREE, limit=LIMIT)
    write_table(plain, tmp_path / "c")
    assert plain.equals(packed)
    assert plain.equals(read(tmp_path / "c", "parquet", FREE, limit=LIMIT))
    assert plain.column("s").to_pylist() == ['a,"b\nc', None]
    assert plain.column("x").to_pylist() == [0.5, None]


def test_nan_is_null(tmp_path: Path) -> None:
    write_table(pa.table({"a": [1.0, float("nan")]}), tmp_path / "a")
    assert read(tmp_path / "a", "parquet", FREE, limit=LIMIT).column("a").to_pylist() == [1.0, None]


def test_unpacking_stops_at_the_limit(tmp_path: Path) -> None:
    bomb = write(tmp_path / "bomb", gzip.compress(b"a\n" + b"0\n" * 4_000_000, mtime=0))
    assert bomb.stat().st_size < 20_000
    error = unreadable(bomb, "csv.gz", limit=100_000)
    assert "larger than 100000 bytes" in error.message
    assert (tmp_path / "bomb.unpacked").stat().st_size <= 100_000


@pytest.mark.parametrize(
    ("content", "form"),
    [
        (b"", "csv"),
        (b"a,b\n", "csv"),
        (b"a,b\n1,2\n3\n", "csv"),
        (b"a\n\xff\xfe\n", "csv"),
        (b"a,b\n1,2\n", "csv.gz"),
        (gzip.compress(b"a\n1\n", mtime=0)[:-6], "csv.gz"),
        (b"a,b\n1,2\n", "parquet"),
    ],
)
def test_broken_files(tmp_path: Path, content: bytes, form: str) -> None:
    unreadable(write(tmp_path / "a", content), form)


def test_messages_hold_no_cells(tmp_path: Path) -> None:
    error = unreadable(write(tmp_path / "a", b"a,b\n1,2\nMiller\n"), "csv")
    assert "Miller" not in str(error)


def test_a_cell_that_is_not_of_the_declared_type_is_located(tmp_path: Path) -> None:
    rules = TableSchema.from_parameter(
        {"columns": [{"name": "a", "type": "integer"}, {"name": "s", "type": "string"}]}
    )
    path = write(tmp_path / "a", b"a,s\n1,7\nMiller,8\n3,9\n4.5,x\n")
    with pytest.raises(DataError) as error:
        enforce(read(path, "csv", rules, limit=LIMIT), rules)
    assert error.value.code == "DATA_SCHEMA_VIOLATED"
    assert "'a' is not integer in 2 rows (2, 4)" in error.value.message
    assert "Miller" not in str(error.value)


def test_declared_text_keeps_leading_zeros(tmp_path: Path) -> None:
    rules = TableSchema.from_parameter({"columns": [{"name": "zip", "type": "category"}]})
    table = read(write(tmp_path / "a", b"zip\n01067\n"), "csv", rules, limit=LIMIT)
    assert table.column("zip").to_pylist() == ["01067"]
