"""MLMD's copy of SQLite and Python's never have one file open at once in one process."""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from kfp_provenance.codes import Code
from kfp_provenance.errors import StoreError
from kfp_provenance.metadata import init_store, open_index, open_reader, open_recorder
from kfp_provenance.metadata.one_library import Library, claim
from support.recording import sqlite_sql
from support.steps import ENVIRONMENT, step

by_mlmd = pytest.mark.parametrize("opened", [open_recorder, open_reader])


@pytest.fixture
def uri(tmp_path: Path) -> str:
    uri = f"sqlite:{tmp_path}/m.db"
    with closing(open_recorder(uri)) as recorder:
        recorder.record(step(), ENVIRONMENT)
    return uri


def refused(opened: Callable[[str], Any], uri: str) -> StoreError:
    with pytest.raises(StoreError) as raised:
        opened(uri)
    assert raised.value.code is Code.STORE_CONFLICT
    assert raised.value.remedy
    return raised.value


def collect() -> None:
    """Until nothing is left: SQLAlchemy takes a connection back when its user is gone."""
    for _ in range(3):
        gc.collect()


def locks() -> list[str]:
    """Locks on files that this process holds, as the kernel knows them."""
    found = []
    for place in Path("/proc/self/fdinfo").iterdir():
        try:
            found += [line for line in place.read_text().splitlines() if line.startswith("lock:")]
        except OSError:
            continue  # the folder itself
    return sorted(found)


@by_mlmd
def test_mlmd_is_refused_while_sql_reads(uri: str, opened: Callable[[str], Any]) -> None:
    with closing(open_index(uri)) as index:
        error = refused(opened, uri)
        assert error.found == "Python's sqlite3 has it open"
        assert len(index.steps_of_run("run-1")) == 1
    opened(uri).close()


@by_mlmd
def test_sql_is_refused_while_mlmd_has_it_open(uri: str, opened: Callable[[str], Any]) -> None:
    with closing(opened(uri)):
        error = refused(open_index, uri)
        assert error.found == "ML Metadata has it open"
    open_index(uri).close()


def test_a_refused_index_leaves_the_locks_of_mlmd(uri: str, tmp_path: Path) -> None:
    with closing(open_recorder(uri)) as recorder:
        before = locks()
        refused(open_index, uri)
        assert locks() == before != []
        recorder.record(step(task="later"), ENVIRONMENT)
        assert (tmp_path / "m.db-wal").exists()


@by_mlmd
def test_a_refused_recorder_leaves_the_locks_of_sql(
    uri: str, tmp_path: Path, opened: Callable[[str], Any]
) -> None:
    """Closing the file drops them, and the log is deleted under the reader."""
    with closing(open_index(uri)) as index:
        assert index.steps_of_run("run-1")
        before = locks()
        refused(opened, uri)
        collect()  # what was opened in vain
        assert locks() == before != []
        assert (tmp_path / "m.db-wal").exists()


def test_several_of_one_library(uri: str) -> None:
    with closing(open_index(uri)), closing(open_index(uri)):
        refused(open_recorder, uri)
    with closing(open_recorder(uri)), closing(open_reader(uri)), closing(open_recorder(uri)):
        refused(open_index, uri)
    open_index(uri).close()


def test_until_the_last_one_is_closed(uri: str) -> None:
    first, second = open_index(uri), open_index(uri)
    first.close()
    first.close()  # again is a no-op, and does not end the claim of the other
    refused(open_reader, uri)
    second.close()
    open_reader(uri).close()


@pytest.mark.parametrize(
    ("forgotten", "then"), [(open_index, open_recorder), (open_recorder, open_index)]
)
def test_until_it_is_collected(
    uri: str, forgotten: Callable[[str], Any], then: Callable[[str], Any]
) -> None:
    opened = forgotten(uri)
    refused(then, uri)
    del opened
    collect()
    then(uri).close()


def test_a_store_that_could_not_be_opened_is_not_claimed(uri: str, tmp_path: Path) -> None:
    sqlite_sql(tmp_path / "m.db", "UPDATE MLMDEnv SET schema_version = 9")
    with pytest.raises(StoreError) as raised:
        open_index(uri)
    assert raised.value.code is Code.STORE_UNSUPPORTED
    sqlite_sql(tmp_path / "m.db", "UPDATE MLMDEnv SET schema_version = 10")
    open_recorder(uri).close()
    (tmp_path / "text.db").write_bytes(b"no database" * 1000)
    for opened in (open_index, open_reader, open_index):
        with pytest.raises(StoreError) as raised:
            opened(f"sqlite:{tmp_path}/text.db")
        assert raised.value.code is Code.STORE_CORRUPT


def test_two_files_and_one_file_by_two_ways(uri: str, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path)
    other = f"sqlite:{tmp_path}/other.db"
    with closing(open_index(uri)):
        init_store(other)
        refused(open_recorder, f"sqlite:{tmp_path}/link/m.db")
        refused(open_recorder, f"sqlite:{tmp_path}/link/../m.db")


class Owner:
    """In a cycle: only the collector finds that it is gone."""

    def __init__(self) -> None:
        self.itself = self


def test_owners_that_are_collected_at_any_moment(tmp_path: Path) -> None:
    """The collector may run within ``claim``, and must not wait for it there."""

    def work() -> None:
        for _ in range(700):
            claim(tmp_path / "m.db", Library.PYTHON, Owner())

    before = gc.get_threshold()
    gc.set_threshold(1, 1, 1)
    try:
        threads = [threading.Thread(target=work, daemon=True) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
    finally:
        gc.set_threshold(*before)
    assert not any(thread.is_alive() for thread in threads)
    collect()
    owner = Owner()
    claim(tmp_path / "m.db", Library.MLMD, owner)()
