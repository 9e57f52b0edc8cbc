"""A process that may write below some folders and nowhere else.

KServe's downloader joins the names of objects to its folder as they are: whoever may write to
a bucket may write with ``..`` to any file of the initializer. Python tells its audit hooks of
each file before it is opened; a hook cannot be taken back, and forked processes have it too.
Code that is not Python's is not seen: that needs the container's read-only file system.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Sequence

_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_CHANGES = {
    "os.chmod": 1,
    "os.link": 2,
    "os.mkdir": 1,
    "os.remove": 1,
    "os.rename": 2,
    "os.rmdir": 1,
    "os.symlink": 2,
    "os.truncate": 1,
    "os.utime": 1,
}
"""Events of Python's library, and how many of their arguments are paths."""


def confine_writing(folders: Sequence[str]) -> None:
    """Let this process write below these folders only, and to what it has open.

    Args:
        folders: Paths; links are resolved now.
    """
    allowed = tuple(f"{os.path.realpath(folder)}/" for folder in folders)

    def look(event: str, arguments: tuple[object, ...]) -> None:
        if event == "open":
            path, _, flags = arguments
            if isinstance(flags, int) and flags & _WRITES:
                _check(path, allowed)
        elif event in _CHANGES:
            for path in arguments[: _CHANGES[event]]:
                _check(path, allowed)

    sys.addaudithook(look)


def _check(path: object, allowed: tuple[str, ...]) -> None:
    if isinstance(path, int) or not isinstance(path, str | bytes | os.PathLike):
        return  # what is open already
    name = os.fsdecode(path)
    if name != os.devnull and not f"{os.path.realpath(name)}/".startswith(allowed):
        raise PermissionError(errno.EACCES, "the downloader may not write there", name)
