"""Writes a large store: MLMD makes the file, the rows come in bulk.

SQLite of Python and that of MLMD must not open one file in one process (see
``kfp_provenance.metadata.sqlite_setup``): MLMD makes it in a process of its own, and
:func:`support.large_store.make_store` calls this module in another one.
"""

from __future__ import annotations

import gc
import multiprocessing
import sqlite3
import subprocess
import sys
from contextlib import closing
from multiprocessing.connection import Connection

from kfp_provenance.metadata.sqlite_setup import prepare
from support.large_store.maker import ENVIRONMENTS
from support.large_store.rows import COLUMNS, Rows
from support.large_store.shapes import LargeStore

_BATCH = 200  # runs of one transaction
_INIT = "import sys; from kfp_provenance.metadata import init_store; init_store(sys.argv[1])"
# a store that is cut off while it is made is thrown away: nothing needs to be safe
_HURRY = (
    "PRAGMA journal_mode = OFF",
    "PRAGMA synchronous = OFF",
    "PRAGMA locking_mode = EXCLUSIVE",
    "PRAGMA cache_size = -262144",
)
_INDEXES = "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"


def write_store(store: LargeStore) -> None:
    """Make the file of ``store``, which must not be there; whole or not at all."""
    store.path.parent.mkdir(parents=True, exist_ok=True)
    draft = store.path.with_name(f"{store.path.name}.draft")
    draft.unlink(missing_ok=True)
    subprocess.run([sys.executable, "-c", _INIT, f"sqlite:{draft}"], check=True, timeout=60)
    with closing(sqlite3.connect(draft, isolation_level=None)) as database:
        for pragma in _HURRY:
            database.execute(pragma)
        # made at the end, from sorted rows, instead of row by row at random places
        indexes = database.execute(_INDEXES).fetchall()
        for name, _ in indexes:
            database.execute(f"DROP INDEX {name}")
        _insert(database, store)
        for _, statement in indexes:
            database.execute(statement)
    prepare(str(draft))
    draft.rename(store.path)


def _insert(database: sqlite3.Connection, store: LargeStore) -> None:
    """Insert all rows while another process makes the next ones."""
    types = dict(database.execute("SELECT name, id FROM Type WHERE external_id IS NOT NULL"))
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    maker = context.Process(target=_make_rows, args=(store, types, sender), daemon=True)
    maker.start()
    sender.close()  # if the other process ends, so does this one
    while (batch := receiver.recv()) is not None:
        database.execute("BEGIN")
        for table, values in batch:
            columns = COLUMNS[table]
            names, places = ",".join(columns), ",".join("?" * len(columns))
            database.executemany(f"INSERT INTO {table} ({names}) VALUES ({places})", values)
        database.execute("COMMIT")
    maker.join()


def _make_rows(store: LargeStore, types: dict[str, int], sender: Connection) -> None:
    gc.disable()
    rows = Rows(types, {environment.digest: environment for environment in ENVIRONMENTS})
    for number, run in enumerate(store.planned()):
        rows.add(run)
        if number % _BATCH == _BATCH - 1:
            sender.send(list(rows.taken()))
    sender.send(list(rows.taken()))
    sender.send(None)
