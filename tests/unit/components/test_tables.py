from __future__ import annotations

import hashlib
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from kfp_provenance.components._tables import read_table, write_frame, write_table
from kfp_provenance.errors import DataError


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_chunks_and_pandas_metadata_do_not_change_the_bytes(tmp_path: Path) -> None:
    whole = pa.table({"a": list(range(100_000)), "b": [str(i % 7) for i in range(100_000)]})
    parts = pa.concat_tables([whole.slice(0, 10), whole.slice(10, 5000), whole.slice(5010)])
    write_table(whole, tmp_path / "whole")
    write_table(parts, tmp_path / "parts")
    write_frame(whole.to_pandas(), tmp_path / "frame")
    assert digest(tmp_path / "whole") == digest(tmp_path / "parts") == digest(tmp_path / "frame")
    assert b"pandas" not in (tmp_path / "frame").read_bytes()
    assert read_table(tmp_path / "parts").equals(whole)


def test_other_writers_types_become_plain(tmp_path: Path) -> None:
    pq.write_table(
        pa.table(
            {
                "category": pa.array(["x", "y", None]).dictionary_encode(),
                "short": pa.array([0.5, None, 1.5], pa.float32()),
                "long": pa.array(["a", "b", None], pa.large_string()),
            }
        ),
        tmp_path / "t",
    )
    types = read_table(tmp_path / "t").schema.types
    assert types == [pa.string(), pa.float64(), pa.string()]


@pytest.mark.parametrize("content", [b"", b"PAR1", b"PAR1" + b"\0" * 64 + b"PAR1", b"a,b\n1,2\n"])
def test_other_bytes_are_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "t").write_bytes(content)
    with pytest.raises(DataError) as error:
        read_table(tmp_path / "t")
    assert error.value.code == "DATA_UNREADABLE"


def test_unpacked_size_is_limited(tmp_path: Path) -> None:
    write_frame(pd.DataFrame({"a": [0.0] * 100_000}), tmp_path / "t")
    with pytest.raises(DataError, match="larger than the limit"):
        read_table(tmp_path / "t", limit=100)
