"""The directory that a model is loaded into, on a volume that others may write to.

Everything is addressed by open descriptors: a name that somebody replaces by a link is not
followed. Bytes that are not verified yet lie in a hidden folder that only this user may
enter: beside the target, or inside it where the target is the root of its file system.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
import stat
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from kfp_provenance.codes import Code
from kfp_provenance.errors import ArtifactError, LoadError
from kfp_provenance.gate.loading.refusing import not_writable, target_changed
from kfp_provenance.hashing import Files, scan_directory

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_STAGING = "kprov-load"
_LONGEST = 200
"""Bytes of a name that still leave room for those of the staging folder."""
OPEN_TO_ALL = 0o755
"""Of directories: the model server may run as another user."""


class Target:
    """An open, locked directory. Made by :func:`open_target`."""

    def __init__(self, path: Path, descriptor: int, parent: int) -> None:
        self.path = path
        self._descriptor = descriptor
        self._parent = parent
        self._beside = _room_beside(path.name, descriptor, parent)
        # Beside, the name is fixed, so that the next try finds what a killed one left.
        self._staging = f".{path.name}.{_STAGING}" if self._beside else f".{_STAGING}-{_token()}"

    def empty(self) -> None:
        """Remove everything in it, and what an earlier try left beside it.

        Raises:
            LoadError: LOAD_TARGET_UNWRITABLE.
        """
        try:
            for name in _names(self._descriptor):
                _remove(name, self._descriptor)
            self._remove_staging()
        except OSError as error:
            raise not_writable(error, str(self.path)) from error

    @contextmanager
    def staging(self) -> Iterator[Path]:
        """A new folder on the same file system, for this user alone; removed at the end.

        Yields:
            A path by descriptor, good in this process and in those that inherit it.
        """
        with ExitStack() as stack:
            try:
                os.mkdir(self._staging, 0o700, dir_fd=self._home)
                stack.callback(self._remove_staging)
                descriptor = os.open(self._staging, _DIRECTORY, dir_fd=self._home)
                stack.callback(os.close, descriptor)
                self._check_private(descriptor)
            except OSError as error:
                raise not_writable(error, str(self.path)) from error
            yield by_descriptor(descriptor)

    def settle(self, ready: Path, stamps: Files) -> None:
        """Move what is ready in the staging folder into place, and look that it arrived.

        Beside the target, it is one rename. Inside, it is one for each entry: a kill in
        between leaves some verified files, never one that is not.

        Args:
            ready: A directory below :meth:`staging`.
            stamps: Of its files, taken when they were written or hashed.

        Raises:
            LoadError: LOAD_TARGET_CHANGED; LOAD_TARGET_UNWRITABLE.
        """
        self._compare(str(ready), stamps)
        self._refuse_company()
        try:
            if self._beside:
                self._replace(ready)
            else:
                self._move_entries(ready)
        except OSError as error:
            raise not_writable(error, str(self.path)) from error
        # A rename is a change of the inode: the time of that is left out.
        # Behind the dot is the directory itself; without it, a link to it.
        self._compare(f"{by_descriptor(self._descriptor)}/.", stamps, fields=5)
        self._check_name()

    def close(self) -> None:
        """Give the lock back."""
        os.close(self._descriptor)
        os.close(self._parent)

    @property
    def _home(self) -> int:
        return self._parent if self._beside else self._descriptor

    def _remove_staging(self) -> None:
        _remove(self._staging, self._home)

    def _check_private(self, descriptor: int) -> None:
        """The folder that was opened is the one that was made, and nobody else's."""
        status = os.fstat(descriptor)
        if status.st_uid != os.geteuid() or status.st_mode & 0o077 or _names(descriptor):
            raise target_changed(str(self.path), "the staging folder was replaced")

    def _refuse_company(self) -> None:
        ours = set() if self._beside else {self._staging}
        others = sorted(set(_names(self._descriptor)) - ours)
        if others:
            message = "something appeared in the target while the model was loaded"
            raise target_changed(
                str(self.path), message, expected="nothing", found=ascii(others[0])
            )

    def _replace(self, ready: Path) -> None:
        placed = os.open(ready, _DIRECTORY)
        try:
            os.rename(ready, self.path.name, dst_dir_fd=self._parent)
        except BaseException:
            os.close(placed)
            raise
        os.close(self._descriptor)
        self._descriptor = placed

    def _move_entries(self, ready: Path) -> None:
        source = os.open(ready, _DIRECTORY)
        try:
            for name in sorted(_names(source)):
                os.rename(name, name, src_dir_fd=source, dst_dir_fd=self._descriptor)
        finally:
            os.close(source)
        self._remove_staging()

    def _compare(self, root: str, stamps: Files, fields: int = 6) -> None:
        """The files below ``root`` are those that were hashed, and no others."""
        message = "the files are not those that were verified"
        try:
            found = scan_directory(root)
        except ArtifactError as error:
            raise target_changed(str(self.path), message, found=error.message) from error
        for name in sorted(found.keys() | stamps.keys()):
            there, wanted = found.get(name), stamps.get(name)
            if there is None or wanted is None or there[:fields] != wanted[:fields]:
                what = "missing" if there is None else "added" if wanted is None else "changed"
                raise target_changed(str(self.path), message, found=f"{name!a} was {what}")

    def _check_name(self) -> None:
        """The path still leads to what was filled."""
        try:
            there = os.stat(self.path.name, dir_fd=self._parent, follow_symlinks=False)
        except FileNotFoundError as error:
            raise target_changed(str(self.path), "the target was removed") from error
        if not os.path.samestat(there, os.fstat(self._descriptor)):
            raise target_changed(str(self.path), "the target was replaced")


def open_target(path: Path) -> Target:
    """Open a directory and lock it; what is missing of its path is made.

    Args:
        path: Absolute, without ``..``; no part of it may be a link.

    Raises:
        LoadError: LOAD_TARGET_INVALID for a link, a file, or a directory that must not be
            emptied; LOAD_TARGET_BUSY; LOAD_TARGET_UNWRITABLE.
    """
    _refuse_precious(path)
    parent = _walk(path.parent)
    try:
        descriptor = _step(path.name, parent, path)
    except BaseException:
        os.close(parent)
        raise
    target = Target(path, descriptor, parent)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        target._check_name()  # noqa: SLF001 - another loader may have put its own in place
    except BlockingIOError as error:
        target.close()
        raise LoadError(
            Code.LOAD_TARGET_BUSY,
            "another loader is at work in the target",
            where=str(path),
            remedy="wait until it has ended",
        ) from error
    except BaseException:
        target.close()
        raise
    return target


def by_descriptor(descriptor: int) -> Path:
    """A path that leads to an open directory whatever becomes of its name."""
    return Path(f"/proc/self/fd/{descriptor}")


def _walk(path: Path) -> int:
    descriptor = os.open("/", _DIRECTORY)
    for number, part in enumerate(path.parts[1:], start=2):
        try:
            below = _step(part, descriptor, Path(*path.parts[:number]))
        finally:
            os.close(descriptor)
        descriptor = below
    return descriptor


def _step(name: str, parent: int, where: Path) -> int:
    try:
        try:
            return os.open(name, _DIRECTORY, dir_fd=parent)
        except FileNotFoundError:
            os.mkdir(name, OPEN_TO_ALL, dir_fd=parent)
            made = os.open(name, _DIRECTORY, dir_fd=parent)
            os.fchmod(made, OPEN_TO_ALL)  # whatever the umask is
            return made
    except NotADirectoryError as error:
        raise LoadError(
            Code.LOAD_TARGET_INVALID,
            "this is no directory; a symbolic link is not followed",
            where=str(where),
            expected="a directory",
            found="a link or a file",
            remedy="remove it, and find out who put it there",
        ) from error
    except OSError as error:
        raise not_writable(error, str(where)) from error


def _refuse_precious(path: Path) -> None:
    """A target is emptied: that must not hit what somebody lives in."""
    for kept in (os.curdir, os.environ.get("HOME", ""), sys.prefix, sys.base_prefix, __file__):
        if kept and Path(kept).resolve().is_relative_to(path.resolve()):
            raise LoadError(
                Code.LOAD_TARGET_INVALID,
                "the target is emptied, and this must not be",
                where=str(path),
                expected="a directory for the model alone",
                found=f"holds {kept}",
                remedy="name the directory that the model server reads",
            )


def _room_beside(name: str, descriptor: int, parent: int) -> bool:
    """Whether a folder beside the directory is on the same volume, and may be made."""
    same = os.fstat(descriptor).st_dev == os.fstat(parent).st_dev
    writable = os.access(by_descriptor(parent), os.W_OK | os.X_OK, effective_ids=True)
    return same and writable and len(os.fsencode(name)) <= _LONGEST


def _remove(name: str, parent: int) -> None:
    """Remove one entry of a directory, whatever it is; a link is removed, not followed."""
    try:
        mode = os.stat(name, dir_fd=parent, follow_symlinks=False).st_mode
        if stat.S_ISDIR(mode):
            shutil.rmtree(name, dir_fd=parent)
        else:
            os.unlink(name, dir_fd=parent)
    except FileNotFoundError:
        return


def _names(descriptor: int) -> list[str]:
    return os.listdir(descriptor)


def _token() -> str:
    return secrets.token_hex(8)
