"""SQLite files that are no store, or a broken or hostile one: the error is ours."""

from __future__ import annotations

import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kfp_provenance.codes import Code
from kfp_provenance.errors import StoreError
from kfp_provenance.metadata import open_index
from support.lineage_files import LENGTH, ask, make_store, refused, whole
from support.recording import sqlite_sql

_NOT_OURS = (Code.STORE_CORRUPT, Code.STORE_UNREACHABLE, Code.STORE_UNSUPPORTED)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("made") / "m.db"
    make_store(path)
    return path


@pytest.fixture
def path(made: Path, tmp_path: Path) -> Path:
    return shutil.copy(made, tmp_path / "m.db")


def opened_and_asked(path: Path) -> list[StoreError]:
    """Ask everything of it; all errors."""
    try:
        with closing(open_index(f"sqlite:{path}")) as index:
            return ask(index)
    except StoreError as error:
        return [error]


def test_files_that_are_no_store(tmp_path: Path) -> None:
    (tmp_path / "empty.db").touch()
    (tmp_path / "text.db").write_bytes(b"this is not a database\n" * 100)
    (tmp_path / "folder.db").mkdir()
    (tmp_path / "link.db").symlink_to(tmp_path / "text.db")
    os.mkfifo(tmp_path / "pipe.db")
    sqlite_sql(tmp_path / "other.db", "CREATE TABLE t(a)")
    for name, code in (
        ("missing.db", Code.STORE_UNREACHABLE),
        ("no/m.db", Code.STORE_UNREACHABLE),
        ("empty.db", Code.STORE_UNREACHABLE),
        ("other.db", Code.STORE_UNREACHABLE),
        ("text.db", Code.STORE_CORRUPT),
        ("folder.db", Code.STORE_URI_INVALID),
        ("link.db", Code.STORE_URI_INVALID),
        ("pipe.db", Code.STORE_URI_INVALID),
    ):
        assert refused(tmp_path / name).code is code, name
    assert (tmp_path / "empty.db").stat().st_size == 0
    assert not (tmp_path / "no").exists()


@pytest.mark.parametrize("change", ["UPDATE MLMDEnv SET schema_version = 9",
                                    "UPDATE MLMDEnv SET schema_version = 11",
                                    "DELETE FROM MLMDEnv",
                                    "INSERT INTO MLMDEnv VALUES (9)"])  # fmt: skip
def test_tables_of_another_version(path: Path, change: str) -> None:
    sqlite_sql(path, change)
    error = refused(path)
    assert error.code is Code.STORE_UNSUPPORTED
    assert "10" in error.expected


def test_postgresql_is_refused() -> None:
    with pytest.raises(StoreError) as raised:
        open_index("postgresql://user@host:5432/mlmd")
    assert raised.value.code is Code.STORE_UNSUPPORTED


@pytest.mark.parametrize("part", [0.1, 0.3, 0.6, 0.9, 0.99])
def test_a_file_that_was_cut_off(path: Path, part: float) -> None:
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * part)])
    assert {error.code for error in opened_and_asked(path)} == {Code.STORE_CORRUPT}


def test_pages_that_were_overwritten(path: Path) -> None:
    """Some answers may still be right; the others end in an error of ours."""
    data = path.read_bytes()
    errors = []
    for start in range(4096, len(data), 4096 * 5):
        path.write_bytes(data[:start] + b"\xa5" * 4096 + data[start + 4096 :])
        errors += opened_and_asked(path)
    assert len(errors) > 5
    assert {error.code for error in errors} <= set(_NOT_OURS)


_COLUMNS = tuple(
    f"{table}.{column}"
    for table, columns in {
        "Type": "name type_kind",
        "Artifact": "type_id uri create_time_since_epoch",
        "ArtifactProperty": "artifact_id name is_custom_property string_value",
        "Execution": "type_id last_known_state name create_time_since_epoch "
        "last_update_time_since_epoch",
        "ExecutionProperty": "execution_id name is_custom_property string_value",
        "Context": "type_id name",
        "ContextProperty": "context_id name is_custom_property string_value",
        "Event": "artifact_id execution_id type milliseconds_since_epoch",
        "EventPath": "event_id is_index_step step_index step_key",
        "Association": "context_id execution_id",
    }.items()
    for column in columns.split()
)
_VALUES = (
    "NULL", "''", "'x'", "x'ff00'", "CAST(x'ff' AS TEXT)", "0", "-1", "10", "1.5", "1e308",
    "9223372036854775807", "'__MLMD_NULL__'", "'mlmd-struct::x'", "'sha256:0'", "'kprov.Run'",
    """'{"name":"a","index":1e999}'""", """'{"name":1,"index":"2"}'""", "'[[[['",
)  # fmt: skip


def test_whatever_a_row_holds_the_error_is_ours(made: Path, tmp_path: Path) -> None:
    """SQLite lets every value be in every column."""
    copy = tmp_path / "m.db"

    @settings(max_examples=30, deadline=None)
    @given(st.sampled_from(_COLUMNS), st.sampled_from(_VALUES), st.integers(0, 3))
    def check(place: str, value: str, some: int) -> None:
        table, column = place.split(".")
        shutil.copy(made, copy)
        with closing(sqlite3.connect(copy)) as database, database:
            database.execute(
                f"UPDATE OR IGNORE {table} SET {column} = {value} WHERE rowid % 4 IN (?, 3)",
                (some,),
            )
        errors = opened_and_asked(copy)
        assert {error.code for error in errors} <= set(_NOT_OURS)
        assert all(len(str(error)) < 2000 for error in errors)

    check()


# --- what a file could run


def _hostile(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path)) as database, database:
        for statement in statements:
            database.execute(statement)


def test_triggers_do_not_run(path: Path) -> None:
    """Nothing is written, so nothing sets one off."""
    for table in ("Event", "Artifact", "Execution"):
        for moment in ("INSERT", "UPDATE", "DELETE"):
            _hostile(path, f"CREATE TRIGGER t_{table}_{moment} AFTER {moment} ON {table}"
                           " BEGIN DELETE FROM Artifact; END")  # fmt: skip
    before = path.read_bytes()
    with closing(open_index(f"sqlite:{path}")) as index:
        assert ask(index) == []
        assert len(whole(index)) == LENGTH
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    "function",
    ["load_extension('/tmp/evil.so')", "fts3_tokenizer('simple')", "regexp('(a+)+$', 'a')",
     "writefile('/tmp/kprov-evil', 'x')", "edit('x')"],
)  # fmt: skip
def test_a_view_in_the_place_of_a_table_runs_no_function(path: Path, function: str) -> None:
    columns = "id, artifact_id, execution_id, type, milliseconds_since_epoch"
    _hostile(
        path,
        "ALTER TABLE Event RENAME TO Real",
        f"CREATE VIEW Event AS SELECT {columns} FROM Real WHERE {function} IS NULL",
    )
    with closing(open_index(f"sqlite:{path}")) as index:
        errors = ask(index)
    assert errors
    assert {error.code for error in errors} <= {Code.STORE_UNREACHABLE, Code.STORE_CORRUPT}


def test_a_path_is_no_sqlite_uri(tmp_path: Path) -> None:
    """What follows a question mark in a name is not read as a setting."""
    for name in ("a?mode=rwc&x=", "a#b", "a%3Fb", "file:a", "ü b'\".db"):
        make_store(tmp_path / name)
        with closing(open_index(f"sqlite:{tmp_path / name}")) as index:
            assert len(whole(index)) == LENGTH
        found = {
            place.name.removesuffix("-wal").removesuffix("-shm") for place in tmp_path.iterdir()
        }
        assert found == {name}
        for place in tmp_path.iterdir():
            place.unlink()
