"""Where the bundle of a model may be, and its bytes.

A store is written by others. What it names is read only if it is a bundle of this very
store: by the digest that the store, or the bundle's own name, has for it. So no address in
a store makes the page read aloud from another file, and http is never asked.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from kfp_provenance.attest import parse_statement
from kfp_provenance.attest.summary import Summary
from kfp_provenance.bundle import MAX_BUNDLE, LineKind, line_kind, read_bundle, read_bundle_file
from kfp_provenance.errors import BundleError, ProvenanceError, StorageError
from kfp_provenance.facts import Digest
from kfp_provenance.lineage.model import ChainSubject
from kfp_provenance.storage import open_storage
from kfp_provenance.storage.uris import file_path, scheme_of
from kfp_provenance.web.family import Family, metadata_of
from kfp_provenance.web.references import Content

ENDING = ".sigstore.jsonl"
_NAMED = re.compile(r"sha256-([0-9a-f]{64})\.sigstore\.jsonl")
_PUBLISHED = re.compile(r"sha256-[0-9a-f]{64}")
_MOST = 8
"""Bundles that a store may name for one model; a model is rarely signed twice."""


@dataclass(frozen=True)
class Located:
    """A bundle: its bytes, and where they were.

    Attributes:
        data: The file.
        where: Its path or URI.
        subject: Name of the subject in it that the artifact is; None for its model.
    """

    data: bytes
    where: str
    subject: str | None = None

    @property
    def digest(self) -> Digest:
        """SHA-256 of the file."""
        return Digest.of(self.data)


@dataclass(frozen=True)
class _Named:
    """A bundle that may be read: by whose word, and of which bytes.

    Attributes:
        uri: Where it is.
        digest: Of the bytes that are meant; None where the name alone says which.
        is_certain: Whether it was made for this model. Another one is only looked at if it
            names the artifact.
    """

    uri: str
    digest: Digest | None
    is_certain: bool


@dataclass(frozen=True)
class Search:
    """What was found, and what was tried in vain."""

    found: tuple[Located, ...]
    tried: tuple[str, ...]


class BundleFolder:
    """A folder that whoever started the page named: its bundles by the model they are about.

    Args:
        path: The folder.
        limit: Files that are looked into.
    """

    def __init__(self, path: Path, limit: int) -> None:
        self._path, self._limit = path, limit
        self._subjects: dict[tuple[str, int, int], tuple[str, ...]] = {}

    def bundles(self, model: str) -> Iterator[Path]:
        """Files that claim to be about the model, the newest first; nothing is verified."""
        folder = self._path / model.replace(":", "-")
        if _PUBLISHED.fullmatch(folder.name):
            yield from _newest(folder)
        for file in _newest(self._path)[: self._limit]:
            if model in self._about(file):
                yield file

    def _about(self, file: Path) -> tuple[str, ...]:
        """Read once for each state of a file."""
        try:
            status = file.stat()
            key = (str(file), status.st_mtime_ns, status.st_size)
            if key not in self._subjects:
                self._subjects[key] = _subjects(read_bundle_file(file))
        except (OSError, BundleError):
            return ()
        return self._subjects[key]


def search_bundles(content: Content, family: Family, folder: BundleFolder | None) -> Search:
    """Everything that may be the bundle of a model: of the folder, of its run, beside it."""
    found: list[Located] = []
    tried: list[str] = []
    named = [_Named(str(f), None, is_certain=False) for f in _within(folder, content.key)]
    named += islice(_named_by_store(family), _MOST)
    for bundle in named:
        _take(found, tried, content.key, bundle)
    if not found:
        for file in _beside(content.newest.uri)[:_MOST]:
            bundle = _Named(str(file), _digest_in(file.name), is_certain=True)
            _take(found, tried, content.key, bundle)
    unique = {located.digest: located for located in reversed(found)}
    return Search(tuple(reversed(unique.values())), tuple(tried))


def _within(folder: BundleFolder | None, model: str) -> list[Path]:
    return list(islice(folder.bundles(model), _MOST)) if folder else []


def _take(found: list[Located], tried: list[str], model: str, named: _Named) -> None:
    """Read one; bytes other than those that were named are never looked into."""
    try:
        located = Located(_read(named.uri), named.uri)
    except (ProvenanceError, OSError) as error:
        code = error.code if isinstance(error, ProvenanceError) else type(error).__name__
        tried.append(f"{named.uri}: {code}")
        return
    if named.digest is not None and located.digest != named.digest:
        tried.append(f"{named.uri}: not the bytes that the store names")
        return
    subjects = _subjects(located.data)
    if model in subjects and subjects[0] != model:
        # evidence beside a model: the chain is believed of it under its own name alone
        found.append(replace(located, subject=_name_in(located.data, model)))
    elif named.is_certain or model in subjects:
        found.append(located)


def _read(uri: str) -> bytes:
    if scheme_of(uri) == "gs":
        return open_storage(uri).read_bytes(MAX_BUNDLE).data
    return read_bundle_file(file_path(uri))


def _named_by_store(family: Family) -> Iterator[_Named]:
    """Outputs called ``bundle``, and what a receipt of ``publish`` says."""
    for made in family.made_of_it:
        is_certain = "model" in made.read_as
        if made.name == "bundle" and made.row.digest and _may_read(made.row.uri):
            yield _Named(made.row.uri, made.row.digest, is_certain)
        uri = metadata_of(made.row).get("bundle")
        if isinstance(uri, str) and _may_read(uri):
            digest = _digest_in(uri.rpartition("/")[2])
            if digest is not None:
                yield _Named(uri, digest, is_certain)


def _may_read(uri: str) -> bool:
    return scheme_of(uri) in ("gs", "file") or uri.startswith("/")


def _beside(uri: str) -> list[Path]:
    """Bundles in the folder that ``publish`` wrote a model of this machine into."""
    if scheme_of(uri) not in ("", "file"):
        return []
    try:
        folder = file_path(uri).parent
    except StorageError:
        return []
    published = folder.is_absolute() and _PUBLISHED.fullmatch(folder.name)
    return [file for file in _newest(folder) if _digest_in(file.name)] if published else []


def _digest_in(name: str) -> Digest | None:
    match = _NAMED.fullmatch(name)
    return Digest(match[1]) if match else None


def _newest(folder: Path) -> list[Path]:
    try:
        files = [(entry.stat().st_mtime, entry) for entry in folder.glob(f"*{ENDING}")]
    except OSError:
        return []
    return [file for _, file in sorted(files, reverse=True)]


def _subjects(data: bytes) -> tuple[str, ...]:
    """Digests that the summary of a bundle names, the model first; nothing is verified."""
    return tuple(str(subject.artifact.digest) for subject in _summary(data))


def _name_in(data: bytes, digest: str) -> str:
    return next(s.name for s in _summary(data) if str(s.artifact.digest) == digest)


def _summary(data: bytes) -> tuple[ChainSubject, ...]:
    """Subjects of the one summary; of a file without one, none."""
    try:
        summaries = [line for line in read_bundle(data) if line_kind(line) is LineKind.SUMMARY]
        statements = [parse_statement(line.payload, line.where) for line in summaries]
    except BundleError:
        return ()
    last = statements[-1] if statements else None
    return last.subjects if isinstance(last, Summary) else ()
