"""Lineage from SQLite files that others own, and write to at the same time."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from kfp_provenance.codes import Code
from kfp_provenance.metadata import open_index
from support.lineage_files import LENGTH, ask, make_store, program, refused, whole
from support.other_user import passable_folder, without_privileges
from support.recording import sqlite_sql

_ADD = """
from contextlib import closing
from kfp_provenance.metadata import open_recorder
from support.steps import ENVIRONMENT, chain
with closing(open_recorder(sys.argv[1])) as recorder:
    for one in chain(sys.argv[2], 12):
        recorder.record(one, ENVIRONMENT)
    print("ready", flush=True)
    sys.stdin.readline()
"""
_ADD_MANY = """
from support.recording import record_at_once
if __name__ == "__main__":
    print("ready", flush=True)
    record_at_once(sys.argv[1], ["a", "b"], 60)
"""
_CRASH = """
import os, sqlite3, sys
database = sqlite3.connect(sys.argv[1], isolation_level=None)
database.execute("PRAGMA cache_size=2")  # so that pages are written before the end
database.execute(f"PRAGMA journal_mode={sys.argv[2]}")
database.execute("BEGIN")
database.execute("UPDATE ArtifactProperty SET string_value = '0'")
database.execute("UPDATE Event SET type = 3")
database.execute("UPDATE Execution SET name = NULL")
os._exit(9)
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    make_store(tmp_path / "m.db")
    return tmp_path / "m.db"


@contextmanager
def closed_store() -> Iterator[Path]:
    """A store in a folder where only its owner may write."""
    with passable_folder() as folder:
        (folder / "other").mkdir()
        with closing(open_index(make_store(folder / "other" / "m.db"))) as index:
            assert ask(index) == []  # all modules are loaded that others may not read
        make_store(folder / "m.db")
        with by_owner(folder / "m.db"):
            pass
        yield folder / "m.db"
        folder.chmod(0o755)


@contextmanager
def by_owner(path: Path) -> Iterator[None]:
    """While the owner writes: who is not root here can only be one user, and change the mode."""
    path.parent.chmod(0o755)
    path.chmod(0o644)
    yield
    path.chmod(0o444)
    path.parent.chmod(0o555)


# --- closed to this user


def test_a_file_and_a_folder_that_are_read_only() -> None:
    with closed_store() as path:
        before = path.read_bytes()
        with without_privileges(), closing(open_index(f"sqlite:{path}")) as index:
            assert len(whole(index)) == LENGTH
            assert ask(index) == []
            assert list(path.parent.glob("m.db*")) == [path]
        assert path.read_bytes() == before


def test_what_the_owner_writes_is_seen_by_those_who_only_read() -> None:
    with closed_store() as path:
        uri = f"sqlite:{path}"
        with without_privileges():
            index = open_index(uri)
            assert len(whole(index)) == LENGTH
        with by_owner(path), program(_ADD, uri, "run-1") as end:
            with without_privileges():
                assert len(whole(index)) == 2 * LENGTH  # from the log
            end()
        with without_privileges():
            assert len(whole(index)) == 2 * LENGTH  # the log is gone
        with by_owner(path), program(_ADD, uri, "run-2") as end:
            end()
        with without_privileges():
            assert len(whole(index)) == 3 * LENGTH
            index.close()


def test_a_file_that_this_user_may_not_read() -> None:
    with closed_store() as path:
        path.chmod(0o000)
        with without_privileges():
            assert refused(path).code is Code.STORE_UNREACHABLE


# --- logs


def test_a_writer_that_is_still_there(path: Path) -> None:
    with program(_ADD, f"sqlite:{path}", "run-1") as end:
        assert path.with_name("m.db-wal").stat().st_size
        with closing(open_index(f"sqlite:{path}")) as index:
            assert len(whole(index)) == 2 * LENGTH
            end()
            assert len(whole(index)) == 2 * LENGTH


@pytest.mark.parametrize("mode", ["WAL", "DELETE"])
def test_a_write_that_was_killed_is_not_seen(path: Path, mode: str) -> None:
    command = [sys.executable, "-c", _CRASH, str(path), mode]
    assert subprocess.run(command, check=False, timeout=60).returncode == 9
    log = path.with_name("m.db-wal" if mode == "WAL" else "m.db-journal")
    assert log.stat().st_size > 10_000, "nothing was written before the end"
    if mode == "DELETE":  # whoever may write rolls it back; we only read, and do not guess
        assert refused(path).code is Code.STORE_UNREACHABLE
        sqlite_sql(path, "SELECT COUNT(*) FROM Event")
    with closing(open_index(f"sqlite:{path}")) as index:
        assert len(whole(index)) == LENGTH


def test_a_store_without_a_log_as_mlmd_makes_it(path: Path) -> None:
    sqlite_sql(path, "PRAGMA journal_mode=DELETE")
    with closing(open_index(f"sqlite:{path}")) as index:
        assert len(whole(index)) == LENGTH
        sqlite_sql(path, "UPDATE Context SET name = name")  # a writer is not stopped
        assert len(whole(index)) == LENGTH


def test_while_others_write_nothing_is_locked_and_no_step_is_half_there(path: Path) -> None:
    """Every chain that is seen is a whole beginning of it, and grows."""
    uri = f"sqlite:{path}"
    with program(_ADD_MANY, uri) as end, closing(open_index(uri)) as index:
        seen: tuple[int, ...] = ()
        for _ in range(20_000):
            before, seen = seen, whole(index)
            assert set(before) <= set(seen)
            if len(seen) == LENGTH + 120:
                break
            rows = index.outputs(seen)
            assert len(rows) == len(index.records(seen)) == len(seen)
            for row in rows[-2:]:
                (edge,), _ = index.edges_of_artifacts([row], output=True)
                task = index.steps([edge.step])[0].task
                assert len(index.upstream([row])) == int(task.removeprefix("task-")) + 1
        end()
    assert len(seen) == LENGTH + 120
