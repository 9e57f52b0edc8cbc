"""The SQLite file of a store: checked before it is opened, made by one process only."""

from __future__ import annotations

import fcntl
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kfp_provenance.codes import Code
from kfp_provenance.errors import StoreError
from kfp_provenance.retry import Patience

_SETUP = Path(__file__).with_name("sqlite_setup.py")


def check_file(path: Path, *, must_exist: bool) -> None:
    """Refuse what is not a regular file. Only looks: never opens (see sqlite_setup).

    Raises:
        StoreError: STORE_UNREACHABLE if it is missing and must not be,
            STORE_URI_INVALID for a symlink, a folder or a special file.
    """
    try:
        mode = path.lstat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        if not must_exist:
            return
        raise StoreError(
            Code.STORE_UNREACHABLE,
            "there is no metadata store",
            where=str(path),
            remedy="run a tracked pipeline with this store first, or `kprov store init`",
        ) from None
    except OSError as error:
        raise unreachable(path, error.strerror or "it cannot be read") from error
    if not stat.S_ISREG(mode):
        found = "a symbolic link" if stat.S_ISLNK(mode) else "a folder or a special file"
        raise StoreError(
            Code.STORE_URI_INVALID,
            "the path of a metadata store is not that of a regular file",
            where=str(path),
            found=found,
            remedy="give the path of the file itself",
        )


@contextmanager
def creation_lock(path: Path, patience: Patience) -> Iterator[None]:
    """Let one process at a time make the store at ``path``; makes its folder.

    The lock is on the folder: it leaves no file behind and ends with the process.

    Raises:
        StoreError: STORE_UNREACHABLE.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise unreachable(path, f"its folder cannot be used: {error.strerror}") from error
    try:
        patience.retry(lambda: fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB), BlockingIOError)
        yield
    except BlockingIOError as error:
        raise unreachable(path, "another process has been creating it for too long") from error
    finally:
        os.close(folder)


def prepare_file(path: Path) -> None:
    """Set WAL and the indexes, in a process of its own (see sqlite_setup).

    Raises:
        StoreError: STORE_UNREACHABLE.
    """
    command = [sys.executable, "-I", "-S", str(_SETUP), str(path)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise unreachable(path, "the Python that prepares it does not run") from error
    if done.returncode:
        last = done.stderr.strip().rpartition("\n")[2]
        raise unreachable(path, f"it cannot be prepared: {last[:300]}")


def unreachable(path: Path, message: str) -> StoreError:
    """STORE_UNREACHABLE for a file."""
    return StoreError(
        Code.STORE_UNREACHABLE,
        f"the metadata store cannot be used: {message}",
        where=str(path),
        remedy="use a file in a writable folder on a local disk",
    )
