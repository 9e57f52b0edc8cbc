"""One store, written through a server and read in both ways, and an oracle of what it holds."""

from __future__ import annotations

import itertools
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from kfp_provenance.metadata import LineageIndex, Reader, open_index, open_reader
from support.lineage_facts import Sql, now, read_facts
from support.lineage_front import served
from support.lineage_oracle import Oracle
from support.lineage_worlds import World
from support.lineage_writing import Writer, Written


@dataclass
class Lab:
    """A store to which worlds are added: none of them touches another."""

    uri: str
    served: str
    sql: Sql
    writer: Writer
    by_sql: LineageIndex
    by_api: LineageIndex
    reader: Reader
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    @property
    def indexes(self) -> tuple[LineageIndex, LineageIndex]:
        return (self.by_sql, self.by_api)

    def tag(self) -> str:
        """Beginning of the names of a new world."""
        return f"w{next(self._numbers)}"

    def add(self, world: World) -> tuple[Written, Oracle]:
        """Write a world; what became of it, and what follows from it."""
        before = now(self.sql)
        written = self.writer.write(world, self.tag())
        return written, Oracle(read_facts(self.sql, before))

    def everything(self) -> Oracle:
        """All worlds so far."""
        return Oracle(read_facts(self.sql))


@contextmanager
def open_lab(uri: str, sql: Sql) -> Iterator[Lab]:
    """Make a store, serve it, and open it for writing and for both ways of reading."""
    with ExitStack() as opened:
        server = opened.enter_context(served(uri))
        writer = opened.enter_context(closing(Writer(server)))
        by_sql, by_api = (opened.enter_context(closing(open_index(u))) for u in (uri, server))
        reader = opened.enter_context(closing(open_reader(server)))
        yield Lab(uri, server, sql, writer, by_sql, by_api, reader)


@contextmanager
def sqlite_lab(folder: Path) -> Iterator[Lab]:
    """A laboratory in a new SQLite file."""
    path = folder / "lab.db"
    with closing(_Later(path)) as database, open_lab(f"sqlite:{path}", database.rows) as lab:
        yield lab


class _Later:
    """Opened at the first question, when the file is there."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._database: sqlite3.Connection | None = None

    def rows(self, statement: str) -> list[tuple[object, ...]]:
        if self._database is None:
            self._database = sqlite3.connect(f"{self._path.as_uri()}?mode=ro", uri=True)
        return self._database.execute(statement).fetchall()

    def close(self) -> None:
        if self._database is not None:
            self._database.close()
