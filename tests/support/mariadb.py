"""A private MariaDB on a free loopback port, gone at the end of the test session."""

from __future__ import annotations

import getpass
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pymysql
import pytest

from support.interop import absent

USER = "recorder"
PASSWORD = "only-for-this-test"
_DEADLINE = 30.0


@dataclass(frozen=True)
class MariaDB:
    """Where the server listens; ``socket`` is for its root user."""

    port: int
    socket: Path

    def uri(self, database: str, user: str = USER) -> str:
        return f"mysql://{user}@127.0.0.1:{self.port}/{database}"

    def connect(self) -> pymysql.connections.Connection:
        """A session of root."""
        return pymysql.connect(
            unix_socket=str(self.socket), user="root", charset="utf8mb4", autocommit=True
        )

    def sql(self, *statements: str) -> list[tuple[object, ...]]:
        """Run statements as root; the rows of the last one."""
        with self.connect() as connection, connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
            return list(cursor.fetchall())

    def new_database(self, name: str, options: str = "") -> str:
        """An empty database, dropped first if it is there; its store URI."""
        self.sql(
            f"DROP DATABASE IF EXISTS `{name}`",
            f"CREATE DATABASE `{name}` {options}",
            f"GRANT ALL ON `{name}`.* TO '{USER}'@'127.0.0.1'",
        )
        return self.uri(name)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running_mariadb(folder: Path) -> Iterator[MariaDB]:
    """Install and start a server in ``folder``; skip (or fail) the test if there is none."""
    daemon = shutil.which("mariadbd") or shutil.which("mariadbd", path="/usr/sbin")
    installer = shutil.which("mariadb-install-db")
    if daemon is None or installer is None:
        absent("MariaDB is not installed (Debian package mariadb-server)")
    data, user = folder / "data", f"--user={getpass.getuser()}"
    _run([installer, "--no-defaults", user, f"--datadir={data}",
          "--auth-root-authentication-method=normal", "--skip-test-db"])  # fmt: skip
    # the socket's path must be short (107 bytes), which pytest's folders are not
    with _short_folder() as short:
        server = MariaDB(free_port(), short / "s")
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(
                [daemon, "--no-defaults", user, f"--datadir={data}", f"--socket={server.socket}",
                 "--bind-address=127.0.0.1", f"--port={server.port}", f"--pid-file={short / 'pid'}",
                 "--performance-schema=OFF", "--innodb-buffer-pool-size=32M",
                 "--innodb-log-file-size=16M", "--innodb-flush-log-at-trx-commit=0",
                 "--innodb-doublewrite=0", "--innodb-flush-method=nosync",
                 "--skip-log-bin", "--skip-name-resolve", "--character-set-server=utf8mb4"],
                stdout=log, stderr=subprocess.STDOUT,
            )  # fmt: skip
        try:
            _wait(server, process, folder / "log")
            server.sql(
                f"CREATE USER '{USER}'@'127.0.0.1' IDENTIFIED VIA mysql_native_password"
                f" USING PASSWORD('{PASSWORD}')"
            )
            yield server
        finally:
            process.terminate()
            process.wait(_DEADLINE)


@contextmanager
def _short_folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="db") as folder:
        yield Path(folder)


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.fail(f"{command[0]}: {(done.stdout + done.stderr)[-2000:]}")


def _wait(server: MariaDB, process: subprocess.Popen[bytes], log: Path) -> None:
    """Until it answers. It gives no sign of its own, so ask every 20 ms."""
    end = time.monotonic() + _DEADLINE
    while time.monotonic() < end and process.poll() is None:
        try:
            server.sql("SELECT 1")
        except pymysql.err.OperationalError:
            with suppress(subprocess.TimeoutExpired):
                process.wait(0.02)  # a server that has ended is not waited for
        else:
            return
    pytest.fail(f"MariaDB did not start: {log.read_text(errors='replace')[-2000:]}")
