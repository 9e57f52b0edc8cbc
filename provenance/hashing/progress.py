"""Progress of long work, shown only where somebody looks."""

from __future__ import annotations

import sys
import threading
import time
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from rich.progress import Progress as Bar
    from rich.progress import TaskID

_PATIENCE = 1.0
_REFRESH = 0.1


class Progress(Protocol):
    """Is told how far the work is. ``advance`` is called from several threads."""

    def start(self, total_bytes: int) -> None:
        """The work begins."""

    def advance(self, count: int) -> None:
        """``count`` more bytes are done."""

    def stop(self) -> None:
        """The work ended, well or not."""


def terminal_progress(label: str = "hashing") -> Progress:
    """A bar on standard error, if that is a terminal and the work takes over a second."""
    return _TerminalProgress(label)


class _TerminalProgress:
    def __init__(self, label: str) -> None:
        self._label = label
        self._lock = threading.Lock()
        self._bar: Bar | None = None
        self._task: TaskID | None = None
        self._total = self._done = 0
        self._next = float("inf")  # when to look next; never, unless started on a terminal

    def start(self, total_bytes: int) -> None:
        self._total, self._done = total_bytes, 0
        if sys.stderr.isatty():
            self._next = time.monotonic() + _PATIENCE

    def advance(self, count: int) -> None:
        with self._lock:
            self._done += count
            now = time.monotonic()
            if now >= self._next:
                self._next = now + _REFRESH
                self._show()

    def stop(self) -> None:
        with self._lock:
            self._next = float("inf")
            if self._bar is not None:
                self._show()
                self._bar.stop()
                self._bar = self._task = None

    def _show(self) -> None:
        if self._bar is None or self._task is None:
            self._bar = _new_bar()
            self._task = self._bar.add_task(self._label, total=self._total)
            self._bar.start()
        self._bar.update(self._task, completed=self._done)


def _new_bar() -> Bar:
    from rich.console import Console  # noqa: PLC0415 - a second of work can wait for it
    from rich.progress import (  # noqa: PLC0415
        BarColumn,
        DownloadColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(binary_units=True),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
        redirect_stdout=False,  # machines read it
        redirect_stderr=False,
    )
