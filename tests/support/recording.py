"""What other processes do to a store: record, hold a lock, run SQL, be killed."""

from __future__ import annotations

import json
import multiprocessing
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

from kfp_provenance.metadata import open_recorder
from support.steps import ENVIRONMENT, chain

_SQL = """
import json, sqlite3, sys
database = sqlite3.connect(sys.argv[1], timeout=30)
for statement in json.loads(sys.argv[2]):
    rows = database.execute(statement).fetchall()
database.commit()
database.close()
print(json.dumps(rows))
"""
_LOCK = """
import sqlite3, sys
database = sqlite3.connect(sys.argv[1], isolation_level=None)
database.execute("BEGIN IMMEDIATE")
print("locked", flush=True)
sys.stdin.readline()
database.rollback()
print("released", flush=True)
sys.stdin.readline()
"""


def sqlite_sql(path: Path, *statements: str) -> list[list[Any]]:
    """Run SQL on a store's file; the rows of the last statement.

    In a process of its own: see kfp_provenance/metadata/sqlite_setup.py.
    """
    command = [sys.executable, "-c", _SQL, str(path), json.dumps(statements)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    rows: list[list[Any]] = json.loads(done.stdout)
    return rows


@contextmanager
def locked(path: Path) -> Iterator[Callable[[], None]]:
    """Hold SQLite's write lock in another process; yields a call that lets it go."""
    with subprocess.Popen(
        [sys.executable, "-c", _LOCK, str(path)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline() == "locked\n"

        def release() -> None:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write("\n")
            process.stdin.flush()
            assert process.stdout.readline() == "released\n"

        try:
            yield release
        finally:
            process.kill()


def record_chain(uri: str, run: str, length: int, barrier: Barrier) -> None:
    """Record a chain, beginning together with the others."""
    barrier.wait(60)
    with closing(open_recorder(uri)) as recorder:
        for step in chain(run, length):
            recorder.record(step, ENVIRONMENT)


def record_at_once(uri: str, runs: list[str], length: int) -> None:
    """Record one chain in each of several processes."""
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(len(runs))
    processes = [
        context.Process(target=record_chain, args=(uri, run, length, barrier)) for run in runs
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join(120)
    assert [process.exitcode for process in processes] == [0] * len(runs)


def record_until_killed(uri: str, run: str, length: int, acknowledge: Connection) -> None:
    """Record a chain and send each step's id once it is recorded."""
    acknowledge.send("")
    with closing(open_recorder(uri)) as recorder:
        for step in chain(run, length):
            recorder.record(step, ENVIRONMENT)
            acknowledge.send(step.id)
