"""One SQLite library at a time for each file.

MLMD carries its own copy of SQLite, Python another. Two copies in one process do not see
each other's locks, and closing the file in one drops the locks of the other (see
``sqlite_setup``): another process may then delete the log that one of them writes to.
"""

from __future__ import annotations

import itertools
import threading
import weakref
from enum import StrEnum
from pathlib import Path

from kfp_provenance.codes import Code
from kfp_provenance.errors import StoreError


class Library(StrEnum):
    """Which copy of SQLite has a file open."""

    MLMD = "ML Metadata"
    PYTHON = "Python's sqlite3"


_open: dict[int, tuple[str, Library]] = {}
_numbers = itertools.count()
_lock = threading.Lock()


def claim(path: Path, library: Library, owner: object) -> weakref.finalize[..., object]:
    """Note that ``owner`` has the file open through ``library``; before it is opened.

    Returns:
        What ends the claim when it is called, or when ``owner`` is gone.

    Raises:
        StoreError: STORE_CONFLICT if the other library has it open in this process.
    """
    place = str(path.resolve())
    other = Library.PYTHON if library is Library.MLMD else Library.MLMD
    with _lock:
        if (place, other) in list(_open.values()):
            raise StoreError(
                Code.STORE_CONFLICT,
                "this process has the file open through another copy of SQLite",
                where=str(path),
                expected=f"only {library}",
                found=f"{other} has it open",
                remedy="close the other reader, recorder or Lineage first, or use another process",
            )
        number = next(_numbers)
        _open[number] = (place, library)
    # without the lock: an owner can be found to be gone at any moment, also in the lines above
    return weakref.finalize(owner, _open.pop, number, None)
