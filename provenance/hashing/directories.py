"""Directories to listings, with as many threads as there are cores.

A directory is scanned, its files are hashed, and it is scanned again. Every file must be
at its opening, at its closing and at the second scan what the first scan saw: so what is
returned is one state of the directory, or nothing.
"""

from __future__ import annotations

import os
import stat
from collections import deque
from concurrent.futures import ThreadPoolExecutor

from kfp_provenance.codes import Code
from kfp_provenance.facts import Digest
from kfp_provenance.hashing.content import Content, Listing, ListingEntry, check_name
from kfp_provenance.hashing.files import (
    Stamp,
    as_text,
    hash_file,
    hash_stamped,
    new_block,
    stamp,
    status_of,
)
from kfp_provenance.hashing.progress import Progress
from kfp_provenance.hashing.refusals import changed, from_os_error, refusal, special_file

_OPEN_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC

Files = dict[str, Stamp]
"""Stamp by path, relative to a directory."""


def hash_path(
    path: str | os.PathLike[str],
    *,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Content:
    """Hash a file or a directory.

    Args:
        path: A regular file, or a directory of regular files.
        threads: For a directory; all cores that this process may use by default.
        progress: Told of the bytes as they are read, from several threads.

    Raises:
        ArtifactError: ARTIFACT_MISSING, ARTIFACT_UNREADABLE, ARTIFACT_SYMLINK,
            ARTIFACT_SPECIAL_FILE, ARTIFACT_NAME_INVALID, ARTIFACT_EMPTY_DIRECTORY or
            ARTIFACT_CHANGED_WHILE_READ.
    """
    if stat.S_ISDIR(status_of(as_text(path)).st_mode):
        return list_directory(path, threads=threads, progress=progress).content
    return hash_file(path, progress=progress)


def list_directory(
    path: str | os.PathLike[str],
    *,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Listing:
    """Hash every file of a directory.

    Arguments and errors are those of :func:`hash_path`.
    """
    if threads is not None and threads < 1:
        raise refusal(Code.USAGE, f"{threads} threads cannot hash", "threads")
    root = as_text(path)
    files = scan_directory(root)
    workers = min(threads or len(os.sched_getaffinity(0)), len(files))
    if progress is None:
        digests = _Hashing(root, files, None).run(workers)
    else:
        progress.start(sum(seen[3] for seen in files.values()))
        try:
            digests = _Hashing(root, files, progress).run(workers)
        finally:
            progress.stop()
    _compare(root, files, scan_directory(root))
    return Listing(ListingEntry(name, digests[name], seen[3]) for name, seen in files.items())


def scan_directory(path: str | os.PathLike[str]) -> Files:
    """Relative path and stamp of every file of a directory; nothing is read.

    Raises:
        ArtifactError: What is there cannot be an artifact, as in :func:`hash_path`.
    """
    root = as_text(path)
    files: Files = {}
    pending = [("", stamp(status_of(root)))]
    while pending:
        directory, expected = pending.pop()
        pending.extend(_scan_one(root, directory, expected, files))
    return files


def _scan_one(root: str, directory: str, expected: Stamp, files: Files) -> list[tuple[str, Stamp]]:
    """Add the files of one directory to ``files`` and return its sub-directories."""
    where = f"{root}/{directory}".rstrip("/") or root
    if not stat.S_ISDIR(expected[2]):
        raise special_file(where, expected[2])
    below: list[tuple[str, Stamp]] = []
    count = len(files)
    try:
        descriptor = os.open(where, _OPEN_FLAGS)
        try:
            if stamp(os.fstat(descriptor))[:2] != expected[:2]:
                raise changed(where, "the directory was replaced")
            with os.scandir(descriptor) as entries:
                for entry in entries:
                    name = directory + _utf8(entry.name, where)
                    seen = stamp(entry.stat(follow_symlinks=False))
                    if stat.S_ISREG(seen[2]):
                        check_name(name)
                        files[name] = seen
                    elif stat.S_ISDIR(seen[2]):
                        below.append((name + "/", seen))
                    else:
                        raise special_file(f"{root}/{name}", seen[2])
        finally:
            os.close(descriptor)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise changed(where, "something in it was removed") from error
    except OSError as error:
        raise from_os_error(error, where) from error
    if not below and len(files) == count:
        raise refusal(Code.ARTIFACT_EMPTY_DIRECTORY, "a directory holds no file", where)
    return below


def _utf8(name: str, where: str) -> str:
    """``name`` as the UTF-8 that its bytes are, whatever the locale of this process."""
    try:
        return os.fsencode(name).decode()
    except UnicodeDecodeError as error:
        message = "a name is not UTF-8"
        raise refusal(Code.ARTIFACT_NAME_INVALID, message, f"{where}/{name}") from error


def _compare(root: str, before: Files, after: Files) -> None:
    if before == after:
        return
    name = min(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
    what = "it was written to"
    if name not in before:
        what = "it was added"
    elif name not in after:
        what = "it was removed"
    raise changed(f"{root}/{name}", what)


class _Hashing:
    """Hashes the files of one directory; the largest first, so that the threads end together."""

    def __init__(self, root: str, files: Files, progress: Progress | None) -> None:
        self._root = root
        self._progress = progress
        self._waiting = deque(sorted(files.items(), key=lambda item: item[1][3], reverse=True))
        self._digests: dict[str, Digest] = {}

    def run(self, workers: int) -> dict[str, Digest]:
        """Digest by relative path; the first error stops all threads at their next file."""
        if workers == 1:
            self._work()
            return self._digests
        with ThreadPoolExecutor(workers, thread_name_prefix="hashing") as pool:
            try:
                for future in [pool.submit(self._work) for _ in range(workers)]:
                    future.result()
            finally:
                self._waiting.clear()
        return self._digests

    def _work(self) -> None:
        block = new_block()
        while True:
            try:
                name, seen = self._waiting.popleft()  # atomic: no lock needed
            except IndexError:
                return
            path = f"{self._root}/{name}"
            self._digests[name] = hash_stamped(path, seen, block, self._progress)
