"""A few connections to the store, each used by one thread at a time."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from kfp_provenance.metadata import LineageIndex
from kfp_provenance.web.settings import IndexFactory


class IndexPool:
    """Lends an index; opens one when none is idle and the limit allows it.

    Args:
        factory: Opens the store.
        size: Most connections; who asks for one more waits.
    """

    def __init__(self, factory: IndexFactory, size: int) -> None:
        self._factory = factory
        self._places = threading.BoundedSemaphore(size)
        self._lock = threading.Lock()
        self._idle: list[LineageIndex] = []

    @contextmanager
    def index(self) -> Iterator[LineageIndex]:
        """An index for the time of one request.

        Raises:
            StoreError: If the store cannot be opened.
        """
        with self._places:
            with self._lock:
                lent = self._idle.pop() if self._idle else None
            lent = lent or self._factory()
            whole = False
            try:
                yield lent
                whole = True
            finally:
                if whole:
                    with self._lock:
                        self._idle.append(lent)
                else:
                    lent.close()  # its connection may be lost: the next request opens a new one

    def close(self) -> None:
        """Close the idle connections."""
        with self._lock:
            idle, self._idle = self._idle, []
        for index in idle:
            index.close()
