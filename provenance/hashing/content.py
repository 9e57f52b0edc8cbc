"""What hashing returns: the content of an artifact and the listing of a directory."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from kfp_provenance.codes import Code
from kfp_provenance.facts import ArtifactKind, Digest
from kfp_provenance.hashing.refusals import refusal, shown


@dataclass(frozen=True)
class Content:
    """What an artifact is.

    Attributes:
        digest: Identity.
        kind: What the digest was taken of.
        size: Bytes of the file, of all files of the directory, or of the canonical JSON.
        files: Number of files; 0 for values.
    """

    digest: Digest
    kind: ArtifactKind
    size: int
    files: int


@dataclass(frozen=True)
class ListingEntry:
    """One file of a directory.

    Attributes:
        path: Relative to the directory, with ``/`` between its parts.
        digest: Of the file's bytes.
        size: Bytes.
    """

    path: str
    digest: Digest
    size: int


@dataclass(frozen=True, init=False)
class Listing:
    """The files of a directory, sorted by the UTF-8 bytes of their paths.

    Its digest is ``Hash1`` of Go's ``dirhash``, which in-toto names ``dirHash``.

    Args:
        entries: In any order.

    Raises:
        ArtifactError: ARTIFACT_EMPTY_DIRECTORY without entries; ARTIFACT_NAME_INVALID for
            a path that no directory can hold or that ``sha256sum -c`` cannot check.
    """

    entries: tuple[ListingEntry, ...]

    def __init__(self, entries: Iterable[ListingEntry]) -> None:
        listed = tuple(entries)
        if not listed:
            raise refusal(Code.ARTIFACT_EMPTY_DIRECTORY, "a directory holds no file", ".")
        keys = _checked_keys(listed)
        object.__setattr__(self, "entries", tuple(sorted(listed, key=lambda e: keys[e.path])))

    @cached_property
    def text(self) -> str:
        r"""Lines ``<hex>  <relative/path>\n``, as ``sha256sum`` reads them."""
        return "".join(f"{entry.digest.hex}  {entry.path}\n" for entry in self.entries)

    @cached_property
    def digest(self) -> Digest:
        """SHA-256 of the text in UTF-8: the digest of the directory."""
        return Digest.of(self.text.encode())

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(entry.size for entry in self.entries)

    @property
    def content(self) -> Content:
        """The directory as an artifact."""
        return Content(self.digest, ArtifactKind.DIRECTORY, self.size, len(self.entries))


def _checked_keys(entries: tuple[ListingEntry, ...]) -> dict[str, bytes]:
    """Sort keys by path, after every path was found to be one of a real directory.

    File systems only ever give good paths; names of objects in a bucket can be anything.
    """
    keys: dict[str, bytes] = {}
    parents: set[str] = set()
    for entry in entries:
        keys[entry.path] = check_name(entry.path)
        parents.add(entry.path.rpartition("/")[0])
    if len(keys) != len(entries):
        raise refusal(Code.ARTIFACT_NAME_INVALID, "a path is listed twice", ".")
    while parents:
        both = parents & keys.keys()
        if both:
            message = "a path is both a file and a directory"
            raise refusal(Code.ARTIFACT_NAME_INVALID, message, min(both))
        parents = {parent.rpartition("/")[0] for parent in parents if "/" in parent}
    return keys


def check_name(path: str) -> bytes:
    r"""UTF-8 of a relative path that may stand in a listing.

    A line feed would forge a line of the listing. ``sha256sum -c`` drops a carriage return
    at the end of a line and reads standard input for ``-``; everything else, a backslash
    too, it takes as it is.

    Raises:
        ArtifactError: ARTIFACT_NAME_INVALID.
    """
    try:
        encoded = path.encode()
    except UnicodeEncodeError as error:
        raise refusal(Code.ARTIFACT_NAME_INVALID, "a name is not UTF-8", path) from error
    if path == "-" or not {"\n", "\r", "\0"}.isdisjoint(path):
        raise refusal(
            Code.ARTIFACT_NAME_INVALID,
            "a name cannot stand in a listing",
            path,
            expected="no line feed, carriage return or NUL, and not '-' alone",
            found=shown(path),
        )
    if not {"", ".", ".."}.isdisjoint(path.split("/")):
        raise refusal(
            Code.ARTIFACT_NAME_INVALID,
            "a path does not stay in its directory, or has an empty part",
            path,
        )
    return encoded
