"""The bytes of a model, hashed on their way into the staging folder."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn
from urllib.parse import urlsplit

from kfp_provenance.codes import Code
from kfp_provenance.errors import ArtifactError, LoadError, ProvenanceError
from kfp_provenance.facts import ArtifactKind, Digest
from kfp_provenance.gate.loading.evidence import Vouched
from kfp_provenance.gate.loading.kserve import fetch_with_kserve
from kfp_provenance.gate.loading.refusing import not_writable
from kfp_provenance.gate.loading.request import ModelRequest
from kfp_provenance.gate.loading.target import OPEN_TO_ALL
from kfp_provenance.hashing import (
    Content,
    Files,
    Listing,
    ListingEntry,
    Stamp,
    hash_file,
    list_directory,
    scan_directory,
    stamp,
)
from kfp_provenance.storage import StoredFile, open_storage, scheme_of, supported_schemes

_THREADS = 4
_NEW_FILE = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
READABLE = 0o644
"""Of files: the model server may run as another user."""
_ELSEWHERE = re.compile(
    r"https://(?:[^/]+\.(?:blob|file)\.core\.windows\.net"
    r"|[^/]+\.(?:blob|file)\.storage\.azure\.net)/.+"
    r"|https://.+\.git(?:[/?#].*)?"
)
"""What KServe's downloader does not fetch as a web page."""
_NOTHING = Digest("0" * 64)


@dataclass(frozen=True)
class Limits:
    """What a model may take.

    Attributes:
        size: Bytes of one model.
        files: Files of one model.
    """

    size: int = 1 << 40
    files: int = 100_000


@dataclass(frozen=True)
class Landed:
    """A model in the staging folder.

    Attributes:
        root: Directory that holds its file, or its files.
        content: What was hashed.
        stamps: Of each file when its last byte was hashed: whoever writes to it later
            cannot help changing one.
    """

    root: Path
    content: Content
    stamps: Files


def download(
    model: ModelRequest,
    vouched: Vouched,
    staging: Path,
    limits: Limits,
    environ: Mapping[str, str] = os.environ,
) -> Landed:
    """Fetch a model and compare it with what its evidence vouches for.

    Raises:
        LoadError: OBJECT_DIGEST_MISMATCH; LOAD_TARGET_FULL; LOAD_DOWNLOAD_FAILED.
        ProvenanceError: What the storage raises.
    """
    root = staging / "model"
    root.mkdir(OPEN_TO_ALL)
    try:
        if is_served_here(model.uri, environ):
            landed = _fetch(model, vouched, root, limits)
        else:
            landed = _fetch_with_kserve(model, vouched, staging, root, limits)
        _open_directories(root)
    except OSError as error:
        raise not_writable(error, str(model.target)) from error
    except ArtifactError as error:
        _at_model(error, root, model)
    if (landed.content.digest, landed.content.kind) != (vouched.digest, vouched.kind):
        raise _mismatch(model, vouched, f"{landed.content.kind} {landed.content.digest}")
    return landed


def is_served_here(uri: str, environ: Mapping[str, str]) -> bool:
    """Whether our own storages fetch a URI; the others are left to KServe's downloader."""
    scheme = scheme_of(uri)
    if scheme in ("http", "https"):
        headers = f"{urlsplit(uri).hostname}-headers"  # KServe's way to pass a token
        return not _ELSEWHERE.fullmatch(uri) and headers not in environ
    return not scheme or scheme in supported_schemes()


def file_name(uri: str) -> str:
    """Name that a single file gets in its target: the last part of the path, as KServe does.

    Raises:
        LoadError: LOAD_TARGET_INVALID if there is none.
    """
    path = urlsplit(uri).path if scheme_of(uri) in ("http", "https") else uri
    name = path.rstrip("/").rpartition("/")[2]
    if name in ("", ".", "..") or "\0" in name:
        raise LoadError(
            Code.LOAD_TARGET_INVALID,
            "the URI of a file does not end in its name",
            where=str(path)[:200],
            remedy="name the file itself",
        )
    return name


def new_file(path: Path) -> int:
    """Descriptor of a file that was not there, in directories that are made.

    Raises:
        OSError: Also FileExistsError, if it was.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, _NEW_FILE, READABLE)
    os.fchmod(descriptor, READABLE)  # whatever the umask is
    return descriptor


def _fetch(model: ModelRequest, vouched: Vouched, root: Path, limits: Limits) -> Landed:
    files = open_storage(model.uri).files(limits.files)
    single = [file.path for file in files] == [""]
    kind = ArtifactKind.FILE if single else ArtifactKind.DIRECTORY
    if kind is not vouched.kind:
        raise _mismatch(model, vouched, f"a {kind}")
    _check_sizes(model, files, root, limits)
    if single:
        name = file_name(model.uri)
        content, seen = _copy(root / name, files[0], limits.size)
        return Landed(root, content, {name: seen})
    # no name is written before all were found to be those of a directory
    Listing(ListingEntry(file.path, _NOTHING, 0) for file in files)
    with ThreadPoolExecutor(_THREADS, thread_name_prefix="load") as pool:
        copies = [
            pool.submit(_copy, root / file.path, file, _most(file, limits.size)) for file in files
        ]
        try:
            done = [copy.result() for copy in copies]
        finally:
            for copy in copies:
                copy.cancel()
    paths = [file.path for file in files]
    entries = [
        ListingEntry(path, content.digest, content.size)
        for path, (content, _) in zip(paths, done, strict=True)
    ]
    stamps = dict(zip(paths, (seen for _, seen in done), strict=True))
    return Landed(root, Listing(entries).content, stamps)


def _most(file: StoredFile, limit: int) -> int:
    return limit if file.size is None else file.size


def _copy(path: Path, stored: StoredFile, limit: int) -> tuple[Content, Stamp]:
    with os.fdopen(new_file(path), "w+b") as file:
        content = stored.copy_to(file, limit)
        file.flush()
        return content, stamp(os.fstat(file.fileno()))


def _check_sizes(
    model: ModelRequest, files: Sequence[StoredFile], root: Path, limits: Limits
) -> None:
    """Refuse early what cannot fit; what sizes are not known of is refused when it does not."""
    size = sum(file.size or 0 for file in files)
    if size > limits.size:
        raise LoadError(
            Code.OBJECT_TOO_LARGE,
            "the model is larger than accepted",
            where=model.name,
            expected=f"at most {limits.size} bytes",
            found=f"{size} bytes",
            remedy="raise KPROV_LOAD_MAX_BYTES if this much is really expected",
        )
    volume = os.statvfs(root)
    free = volume.f_bavail * volume.f_frsize
    if size > free:
        raise LoadError(
            Code.LOAD_TARGET_FULL,
            "the model does not fit on the volume",
            where=str(model.target),
            expected=f"{size} bytes",
            found=f"{free} bytes free",
            remedy="give the volume more space (emptyDir sizeLimit, ephemeral storage)",
        )


def _fetch_with_kserve(
    model: ModelRequest, vouched: Vouched, staging: Path, root: Path, limits: Limits
) -> Landed:
    fetch_with_kserve(model, staging, root, limits.size)
    stamps = _normalized(model, root, limits)
    if vouched.kind is ArtifactKind.DIRECTORY:
        content = list_directory(root).content
    elif len(stamps) == 1:
        content = hash_file(root / next(iter(stamps)))
    else:
        raise _mismatch(model, vouched, f"{len(stamps)} files")
    if scan_directory(root) != stamps:
        raise _mismatch(model, vouched, "files that change")
    return Landed(root, content, stamps)


def _normalized(model: ModelRequest, root: Path, limits: Limits) -> Files:
    """Stamps of what another program downloaded, made readable, within the limits."""
    found = scan_directory(root)
    for name in found:
        (root / name).chmod(READABLE, follow_symlinks=True)  # a regular file: just looked at
    stamps = scan_directory(root)
    size = sum(seen[3] for seen in stamps.values())
    if len(stamps) > limits.files or size > limits.size:
        raise LoadError(
            Code.OBJECT_TOO_LARGE,
            "the model is larger than accepted",
            where=model.name,
            expected=f"at most {limits.size} bytes in {limits.files} files",
            found=f"{size} bytes in {len(stamps)} files",
            remedy="raise KPROV_LOAD_MAX_BYTES or KPROV_LOAD_MAX_FILES",
        )
    for name in stamps:
        if (root / name).lstat().st_nlink != 1:
            raise _linked(model, name)
    return stamps


def _linked(model: ModelRequest, name: str) -> LoadError:
    return LoadError(
        Code.LOAD_TARGET_CHANGED,
        "a downloaded file has a second name",
        where=model.name,
        expected="one",
        found=ascii(name),
        remedy="let nothing else write to the volume before the model server starts",
    )


def _open_directories(root: Path) -> None:
    for folder, _, _ in os.walk(root):
        Path(folder).chmod(OPEN_TO_ALL)


def _at_model(error: ArtifactError, root: Path, model: ModelRequest) -> NoReturn:
    """Say the name of the model, not that of the staging folder."""
    name = error.where.removeprefix(str(root)).lstrip("/")
    raise ArtifactError(
        error.code,
        error.message,
        where=f"{model.name}: {name}" if name else model.name,
        expected=error.expected,
        found=error.found,
        remedy=error.remedy,
    ) from error


def _mismatch(model: ModelRequest, vouched: Vouched, found: str) -> ProvenanceError:
    return LoadError(
        Code.OBJECT_DIGEST_MISMATCH,
        "what is stored is not the model that was signed",
        where=model.name,
        expected=f"{vouched.kind} {vouched.digest}",
        found=found,
        remedy="restore the model from where it was trained; find out who wrote to the storage",
    )
