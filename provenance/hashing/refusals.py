"""The errors of hashing, each with its remedy."""

from __future__ import annotations

import errno
import stat

from kfp_provenance.codes import Code
from kfp_provenance.errors import ArtifactError

_REMEDIES = {
    Code.ARTIFACT_MISSING: "check the path; an output must be written before its step ends",
    Code.ARTIFACT_UNREADABLE: "give this user the right to read it, and check the disk",
    Code.ARTIFACT_SYMLINK: "replace the link by a copy of what it points to",
    Code.ARTIFACT_SPECIAL_FILE: "keep only regular files and directories in an artifact",
    Code.ARTIFACT_NAME_INVALID: "rename it",
    Code.ARTIFACT_EMPTY_DIRECTORY: "remove the directory, or put a file into it",
    Code.ARTIFACT_CHANGED_WHILE_READ: "stop whatever writes to it, then hash it again",
    Code.OBJECT_TOO_LARGE: "raise the limit if this much is really expected",
    Code.USAGE: "correct the argument",
}


def shown(name: str) -> str:
    """``name`` safe for terminals and logs: escaped if anything in it is not printable."""
    return name if name.isprintable() else ascii(name)


def refusal(
    code: Code, message: str, where: str, *, expected: str = "", found: str = ""
) -> ArtifactError:
    """An error of hashing at the path ``where``, with the remedy of its code."""
    return ArtifactError(
        code,
        message,
        where=shown(where),
        expected=expected,
        found=found,
        remedy=_REMEDIES[code],
    )


def from_os_error(error: OSError, where: str) -> ArtifactError:
    """What an operating system error at the path ``where`` means for an artifact."""
    if error.errno == errno.ELOOP:
        return refusal(Code.ARTIFACT_SYMLINK, "a symbolic link is not an artifact", where)
    if error.errno == errno.ENXIO:  # a socket, or a device without a driver
        return special_file(where, stat.S_IFSOCK)
    if error.errno in (errno.ENOENT, errno.ENOTDIR):
        return refusal(Code.ARTIFACT_MISSING, "there is nothing at this path", where)
    reason = error.strerror or type(error).__name__
    return refusal(Code.ARTIFACT_UNREADABLE, f"it cannot be read: {reason}", where)


def changed(where: str, what: str) -> ArtifactError:
    """The bytes or names at ``where`` did not hold still; ``what`` says how."""
    return refusal(Code.ARTIFACT_CHANGED_WHILE_READ, f"it changed while it was read: {what}", where)


def special_file(where: str, mode: int) -> ArtifactError:
    """``where`` is neither a regular file nor a directory."""
    if stat.S_ISLNK(mode):
        return refusal(Code.ARTIFACT_SYMLINK, "a symbolic link is not an artifact", where)
    kinds = (
        (stat.S_ISFIFO, "named pipe"),
        (stat.S_ISSOCK, "socket"),
        (stat.S_ISCHR, "character device"),
        (stat.S_ISBLK, "block device"),
    )
    kind = next((name for test, name in kinds if test(mode)), "special file")
    return refusal(
        Code.ARTIFACT_SPECIAL_FILE,
        f"a {kind} is not an artifact",
        where,
        expected="a regular file or a directory",
        found=kind,
    )
