"""Archives, unpacked after they were verified.

KServe hands a model server what is in a single ``.tar``, ``.tar.gz``, ``.tgz`` or ``.zip``,
not the archive. Only regular files are taken out, each where its name says and only once.
"""

from __future__ import annotations

import lzma
import mimetypes
import os
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from kfp_provenance.codes import Code
from kfp_provenance.errors import ArtifactError, LoadError
from kfp_provenance.facts import ArtifactKind
from kfp_provenance.gate.loading.downloads import Landed, Limits, new_file
from kfp_provenance.gate.loading.refusing import not_writable
from kfp_provenance.hashing import Files, stamp
from kfp_provenance.hashing.content import check_name

_BLOCK = 256 * 1024
_KINDS = frozenset({"application/x-tar", "application/zip"})
_DAMAGED = (
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    NotImplementedError,
    RuntimeError,
    ValueError,
)


def is_archive(landed: Landed) -> bool:
    """Whether KServe would unpack it: a single file with the name of an archive."""
    if landed.content.kind is not ArtifactKind.FILE:
        return False
    return mimetypes.guess_type(next(iter(landed.stamps)))[0] in _KINDS


def unpack(landed: Landed, into: Path, limits: Limits, where: str) -> tuple[Path, Files]:
    """Unpack a verified archive into a new directory.

    Args:
        landed: A single file.
        into: The directory to make.
        limits: Of what is in it.
        where: How errors name the model.

    Returns:
        The directory, and the stamps of its files.

    Raises:
        LoadError: LOAD_ARCHIVE_INVALID; OBJECT_TOO_LARGE; LOAD_TARGET_FULL.
    """
    name = next(iter(landed.stamps))
    path = landed.root / name
    zipped = mimetypes.guess_type(name)[0] == "application/zip"
    into.mkdir(0o755)
    try:
        stamps = _extract(_in_zip(path) if zipped else _in_tar(path), into, limits)
    except (*_DAMAGED, FileExistsError, NotADirectoryError, IsADirectoryError) as error:
        raise _invalid(where, f"{type(error).__name__}: {error}") from error
    except ArtifactError as error:
        raise _invalid(where, error.message) from error
    except OSError as error:
        if error.errno is None:  # of a decompressor
            raise _invalid(where, str(error)) from error
        raise not_writable(error, where) from error
    if not stamps:
        raise _invalid(where, "it holds no file")
    path.unlink()
    return into, stamps


def _extract(members: Iterator[tuple[str, IO[bytes]]], into: Path, limits: Limits) -> Files:
    stamps: Files = {}
    left = limits.size
    for name, source in members:
        check_name(name)
        if len(stamps) == limits.files:
            raise _too_large(f"{limits.files} files")
        with os.fdopen(new_file(into / name), "wb") as target:
            while block := source.read(_BLOCK):
                left -= len(block)
                if left < 0:
                    raise _too_large(f"{limits.size} bytes")
                target.write(block)
            target.flush()
            stamps[name] = stamp(os.fstat(target.fileno()))
    for folder, _, _ in os.walk(into):
        Path(folder).chmod(0o755)
    return stamps


def _in_tar(path: Path) -> Iterator[tuple[str, IO[bytes]]]:
    with tarfile.open(path, "r:*") as archive:
        for member in archive:
            source = archive.extractfile(member) if member.isreg() else None
            if source is not None:
                yield _relative(member.name), source
            elif not member.isdir():
                raise ValueError(f"{member.name[:200]!a} is neither a file nor a directory")


def _in_zip(path: Path) -> Iterator[tuple[str, IO[bytes]]]:
    with zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            mode = member.external_attr >> 16
            if stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
                raise ValueError(f"{member.filename[:200]!a} is neither a file nor a directory")
            if not member.is_dir():
                with archive.open(member) as source:
                    yield _relative(member.filename), source


def _relative(name: str) -> str:
    while name.startswith("./"):
        name = name[2:]
    return name


def _too_large(what: str) -> LoadError:
    return LoadError(
        Code.OBJECT_TOO_LARGE,
        "there is more in the archive than accepted",
        expected=f"at most {what}",
        found="more",
        remedy="raise KPROV_LOAD_MAX_BYTES or KPROV_LOAD_MAX_FILES",
    )


def _invalid(where: str, reason: str) -> LoadError:
    return LoadError(
        Code.LOAD_ARCHIVE_INVALID,
        "the verified archive cannot be unpacked",
        where=where,
        found=ascii(reason[:300])[1:-1],
        remedy="publish a directory, or an archive of regular files",
    )
