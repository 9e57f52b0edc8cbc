"""Run as a program: prepare an SQLite file that MLMD has made.

``python -I -S sqlite_setup.py FILE`` sets WAL, which MLMD honours (writers no longer
stop readers, and twice the steps a second), and adds the two indexes that MLMD lacks
for the way from a node to its contexts.

A program of its own, because MLMD carries its own copy of SQLite: two copies in one
process do not see each other's locks, and closing the file in one (even ``open`` and
``close``) drops the locks of the other. Another process then takes the log for
unused and deletes it, and steps that it records are lost.
"""

from __future__ import annotations

import sqlite3
import sys
from contextlib import closing

STATEMENTS = (
    "CREATE INDEX IF NOT EXISTS kprov_attribution_artifact ON Attribution(artifact_id)",
    "CREATE INDEX IF NOT EXISTS kprov_association_execution ON Association(execution_id)",
)


def prepare(path: str) -> None:
    """Set up the file at ``path``; again is a no-op."""
    with closing(sqlite3.connect(path, timeout=30, isolation_level=None)) as database:
        (mode,) = database.execute("PRAGMA journal_mode=WAL").fetchone()
        if mode != "wal":
            raise SystemExit(f"the file system does not support WAL (journal mode {mode})")
        for statement in STATEMENTS:
            database.execute(statement)


if __name__ == "__main__":
    prepare(sys.argv[1])
