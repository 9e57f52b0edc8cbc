"""A store under test, open for recording and for reading, and what lies below it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import pytest

from kfp_provenance.facts import Artifact, Input, InputOrigin
from kfp_provenance.metadata import (
    Patience,
    Reader,
    Recorder,
    StoreUri,
    open_reader,
    open_recorder,
)


@dataclass(frozen=True)
class Store:
    """A new, empty store; ``sql`` reaches below MLMD."""

    uri: str
    sql: Callable[..., list[Any]]


@pytest.fixture
def recorder(store: Store) -> Iterator[Recorder]:
    with closing(open_recorder(store.uri)) as opened:
        yield opened


@pytest.fixture
def reader(store: Store, recorder: Recorder) -> Iterator[Reader]:
    """Opened after the recorder, which makes the store."""
    with closing(open_reader(store.uri)) as opened:
        yield opened


def raw(store: Store) -> Any:
    """MLMD itself, for what others do to the store."""
    from kfp_provenance.metadata.mlmd_connection import connect_writer

    return connect_writer(StoreUri.parse(store.uri), Patience())


def count(store: Store, table: str) -> int:
    ((number,),) = store.sql(f"SELECT COUNT(*) FROM {table}")
    return int(number)


def read_by(name: str, what: Artifact) -> Input:
    return Input(name, 0, what, InputOrigin.IMPORTED)
