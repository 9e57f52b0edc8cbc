"""Contents that wait to be written, and those who wait for them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from dataclasses import dataclass
from queue import Empty, SimpleQueue

from kfp_provenance.audit.records import Tip

_MOST = 1024
_MOST_BYTES = 4 * 1024 * 1024

Answer = Tip | Exception


@dataclass(frozen=True)
class Waiting:
    """The content of one line.

    Attributes:
        content: As :func:`~kfp_provenance.audit.lines.make_line` takes it.
        future: Who waits for it; None if nobody does.
        loop: Event loop of the future, if it belongs to one.
        chain: The only chain that it belongs to; empty for a decision, which any may take.
    """

    content: bytes
    future: Future[Tip] | asyncio.Future[Tip] | None = None
    loop: asyncio.AbstractEventLoop | None = None
    chain: str = ""


def next_batch(queue: SimpleQueue[Waiting | None]) -> tuple[list[Waiting], bool]:
    """Wait for something, then take what waits with it; True if that was the end."""
    batch: list[Waiting] = []
    size = 0
    item = queue.get()
    while item is not None:
        batch.append(item)
        size += len(item.content)
        if len(batch) >= _MOST or size >= _MOST_BYTES:
            return batch, False
        try:
            item = queue.get_nowait()
        except Empty:
            return batch, False
    return batch, True


def answer(batch: Sequence[Waiting], answers: Callable[[int], Answer]) -> None:
    """Tell all who wait; an event loop is woken once, however many of its tasks wait."""
    loops: dict[asyncio.AbstractEventLoop, list[tuple[asyncio.Future[Tip], Answer]]] = {}
    for position, waiting in enumerate(batch):
        if isinstance(waiting.future, Future):
            with suppress(InvalidStateError):  # it does not wait any more
                _set(waiting.future, answers(position))
        elif waiting.future is not None and waiting.loop is not None:
            loops.setdefault(waiting.loop, []).append((waiting.future, answers(position)))
    for loop, pairs in loops.items():
        with suppress(RuntimeError):  # the loop is closed, so nobody waits
            loop.call_soon_threadsafe(_settle, pairs)


def _settle(pairs: Sequence[tuple[asyncio.Future[Tip], Answer]]) -> None:
    for future, result in pairs:
        if not future.done():
            _set(future, result)


def _set(future: Future[Tip] | asyncio.Future[Tip], result: Answer) -> None:
    if isinstance(result, Exception):
        future.set_exception(result)
    else:
        future.set_result(result)
