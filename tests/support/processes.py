"""Programs that tests start and stop: free ports, and waiting for an answer with a deadline."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest
import requests

DEADLINE = 60.0
_PAUSE = 0.02


def free_ports(count: int) -> list[int]:
    """As many ports of the loopback device, each another one."""
    with ExitStack() as held:
        probes = [held.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [int(probe.getsockname()[1]) for probe in probes]


def isolated(home: Path, **more: str) -> dict[str, str]:
    """An environment with nothing of the user's: neither settings, credentials nor proxies."""
    home.mkdir(parents=True, exist_ok=True)
    return {"HOME": str(home), "PATH": os.environ.get("PATH", ""), **more}


def loopback() -> requests.Session:
    """A client that goes to the address and not to a proxy."""
    session = requests.Session()
    session.trust_env = False
    return session


def eventually(ready: Callable[[], bool], what: str) -> None:
    """Ask again and again; fail the test when the deadline is over. Each question takes time."""
    end = time.monotonic() + DEADLINE
    while not ready():
        if time.monotonic() > end:
            pytest.fail(f"not within {DEADLINE:.0f} s: {what}")


class Program:
    """A process that runs, and the file that its words go to."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        self._process = process
        self._log = log

    def output(self) -> str:
        return self._log.read_text("utf-8", errors="replace")

    def wait_until(self, ready: Callable[[], bool]) -> None:
        """Ask every 20 ms; fail the test when the program ends or the deadline is over."""
        end = time.monotonic() + DEADLINE
        while time.monotonic() < end and self._process.poll() is None:
            if ready():
                return
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(_PAUSE)
        pytest.fail(f"{self._log.stem} did not start: {self.output()[-2000:]}")

    def wait_for(self, address: str, **options: object) -> None:
        """Until it answers with success at ``address``; ``options`` are those of requests."""
        with loopback() as session:
            self.wait_until(lambda: _answers(session, address, options))


@contextmanager
def running(
    command: Sequence[str | Path], log: Path, environment: Mapping[str, str]
) -> Iterator[Program]:
    """Start a program and stop it at the end."""
    with log.open("wb") as words:
        process = subprocess.Popen(
            [str(word) for word in command],
            stdin=subprocess.DEVNULL,
            stdout=words,
            stderr=subprocess.STDOUT,
            env=dict(environment),
        )
    try:
        yield Program(process, log)
    finally:
        process.terminate()
        try:
            process.wait(DEADLINE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _answers(session: requests.Session, address: str, options: Mapping[str, object]) -> bool:
    try:
        return session.get(address, timeout=5, **options).ok  # type: ignore[arg-type]
    except requests.RequestException:
        return False
