"""Files with secrets: keys, passphrases, tokens."""

from __future__ import annotations

import io
import os
import re
import stat
from pathlib import Path

from kfp_provenance.codes import Code
from kfp_provenance.errors import SigningError

_LIMIT = 64 * 1024
_SECRET_VOLUME = re.compile(r"\.\.\d{4}_\d{2}_\d{2}_")
_ONE_WORD = re.compile(r"[!-~]+")


def read_private(path: Path, what: str) -> bytes:
    """Read a file that only its owner may read.

    Args:
        path: The file.
        what: What it holds, as errors name it.

    Raises:
        SigningError: KEY_UNREADABLE if it cannot be read, or others may read it too.
    """
    try:
        # without blocking: the name may be a pipe that nobody writes to
        opener = lambda name, flags: os.open(name, flags | os.O_NONBLOCK)  # noqa: E731
        with io.FileIO(path, "r", opener=opener) as stream:
            status = os.fstat(stream.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise unreadable(path, "it is not a regular file", "name a file")
            if status.st_mode & 0o077 and not _in_secret_volume(path):
                raise unreadable(
                    path,
                    f"others may read the {what}: mode {stat.S_IMODE(status.st_mode):04o}",
                    f"chmod 600 {path}",
                )
            data = stream.read(_LIMIT + 1) or b""
    except (OSError, ValueError) as error:  # the latter for a name with a null byte
        reason = getattr(error, "strerror", None) or type(error).__name__
        raise unreadable(path, reason, "name a file that exists and can be read") from error
    if len(data) > _LIMIT:
        raise unreadable(path, f"it is larger than {_LIMIT} bytes", "name the right file")
    return data


def read_token(path: Path, what: str) -> str:
    """Read a file with a token: one word of printable ASCII, with or without a newline.

    Raises:
        SigningError: KEY_UNREADABLE, as ``read_private``, or if it holds something else.
    """
    word = read_private(path, what).strip().decode("ascii", errors="replace")
    if not is_token(word):
        raise unreadable(path, f"it does not hold a {what}", "name the right file")
    return word


def is_token(text: str) -> bool:
    """Whether ``text`` can stand in the header of a request, which would show it otherwise."""
    return _ONE_WORD.fullmatch(text) is not None


def unreadable(path: Path, reason: str, remedy: str) -> SigningError:
    """The error of a file that cannot be used."""
    return SigningError(
        Code.KEY_UNREADABLE,
        f"the file cannot be used: {reason}",
        where=str(path),
        remedy=remedy,
    )


def _in_secret_volume(path: Path) -> bool:
    """Kubernetes mounts Secrets and tokens 0644, behind a dated folder, for this pod alone.

    kfp-kubernetes has no way to ask for another mode.
    """
    return any(_SECRET_VOLUME.match(part) for part in path.resolve().parts)
