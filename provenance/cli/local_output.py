"""KFP's local runner talks a lot: its log goes to a file, one line a task to people."""

from __future__ import annotations

import contextlib
import io
import logging
import re
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

_STARTED = re.compile(r"Executing task '(?P<task>[^']+)'")
_FINISHED = re.compile(
    r"Task .*?'(?P<task>[^']+)'.*? finished with status .*?(?P<status>[A-Z]{5,})"
)
_TAIL = 15


@contextlib.contextmanager
def quiet_runner(log: Path, *, verbose: bool, to_stderr: bool = False) -> Iterator[None]:
    """Write what ``kfp.local`` prints to ``log``; show its tasks as they start and end.

    Args:
        log: File of the whole log.
        verbose: Leave KFP's output as it is.
        to_stderr: Show the tasks on standard error: standard output is for machines.
    """
    if verbose:
        with contextlib.redirect_stdout(sys.stderr) if to_stderr else contextlib.nullcontext():
            yield
        return
    log.parent.mkdir(parents=True, exist_ok=True)
    screen = sys.stderr if to_stderr else sys.stdout
    with log.open("a", encoding="utf-8") as file:
        watcher = _Watcher(file, screen)
        handler = logging.StreamHandler(watcher)
        root = logging.getLogger()
        others = root.handlers[:]
        root.handlers[:] = [handler]
        try:
            with contextlib.redirect_stdout(watcher), contextlib.redirect_stderr(watcher):
                yield
        except BaseException:
            screen.write(f"last lines of {log}:\n")
            screen.writelines(f"  {line}\n" for line in watcher.tail())
            raise
        finally:
            root.handlers[:] = others


class _Watcher(io.TextIOBase):
    """Copies text to a file and reports lines about tasks."""

    def __init__(self, file: TextIO, screen: TextIO) -> None:
        super().__init__()
        self._file = file
        self._screen = screen
        self._pending = ""
        self._lines: list[str] = []
        self._began: dict[str, float] = {}

    def write(self, text: str) -> int:
        self._file.write(text)
        *lines, self._pending = (self._pending + text).split("\n")
        for line in lines:
            self._see(re.sub(r"\x1b\[[0-9;]*m", "", line))
        return len(text)

    def flush(self) -> None:
        self._file.flush()

    def tail(self) -> list[str]:
        """The last lines that say something."""
        return [line for line in self._lines if line.strip(" -")][-_TAIL:]

    def _see(self, line: str) -> None:
        self._lines = [*self._lines[-200:], line]
        started, finished = _STARTED.search(line), _FINISHED.search(line)
        if started:
            self._began[started["task"]] = time.monotonic()
            self._screen.write(f"  {started['task']} ...")
        elif finished:
            seconds = time.monotonic() - self._began.get(finished["task"], time.monotonic())
            self._screen.write(f" {finished['status'].lower()} in {seconds:.1f} s\n")
        self._screen.flush()
