"""Connections: few, each for one at a time, closed when they fail."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import cast

import pytest

from kfp_provenance.metadata import LineageIndex
from kfp_provenance.web.graphs import Recent
from kfp_provenance.web.pool import IndexPool
from kfp_provenance.web.remembering import remembering


class Connection:
    """Stands for an index: notices when two use it at once."""

    def __init__(self) -> None:
        self.users = 0
        self.most = 0
        self.closed = False
        self.asked: list[tuple[int, ...]] = []

    def close(self) -> None:
        self.closed = True

    def upstream(self, rows: tuple[int, ...]) -> tuple[int, ...]:
        self.asked.append(rows)
        return rows


def pool(size: int) -> tuple[IndexPool, list[Connection]]:
    made: list[Connection] = []

    def factory() -> LineageIndex:
        made.append(Connection())
        return cast("LineageIndex", made[-1])

    return IndexPool(factory, size), made


def test_a_connection_is_never_used_by_two_and_there_are_few() -> None:
    lent, made = pool(3)
    barrier = threading.Barrier(3)

    def request(number: int) -> None:
        with lent.index() as index:
            connection = cast("Connection", index)
            connection.users += 1
            connection.most = max(connection.most, connection.users)
            if number < 3:
                barrier.wait(30)  # three at once, so that three are opened
            connection.users -= 1

    with ThreadPoolExecutor(12) as threads:
        list(threads.map(request, range(60)))
    assert len(made) == 3
    assert [connection.most for connection in made] == [1, 1, 1]
    lent.close()
    assert all(connection.closed for connection in made)


def test_a_connection_that_failed_is_not_used_again() -> None:
    lent, made = pool(1)
    with pytest.raises(RuntimeError), lent.index():
        raise RuntimeError
    with lent.index():
        pass
    assert [connection.closed for connection in made] == [True, False]


def test_a_store_that_cannot_be_opened_blocks_nobody() -> None:
    def factory() -> LineageIndex:
        raise ConnectionError

    lent = IndexPool(factory, 1)
    for _ in range(3):
        with pytest.raises(ConnectionError), lent.index():
            pass


def test_a_question_is_asked_once_in_a_request() -> None:
    connection = Connection()
    index = remembering(cast("LineageIndex", connection))
    assert index.upstream([1, 2]) == index.upstream((1, 2))
    assert len(connection.asked) == 1
    index.upstream([3])
    assert len(connection.asked) == 2


def test_recent_values_are_kept_for_a_while() -> None:
    now, made = [0.0], []
    recent: Recent[int] = Recent(10, 2, clock=lambda: now[0])

    def get(key: str) -> int:
        return recent.get(key, lambda: made.append(key) or len(made))

    assert [get("a"), get("a")] == [1, 1]
    now[0] = 11
    assert get("a") == 2
    get("b"), get("c")
    assert get("a") == 5  # the oldest had to go
