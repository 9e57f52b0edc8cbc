"""Keys in an address -> rows of the store. Nothing here reads a file or asks the network."""

from __future__ import annotations

import re
from dataclasses import dataclass

from kfp_provenance.attest.printable import printable
from kfp_provenance.codes import Code
from kfp_provenance.errors import StoreError
from kfp_provenance.facts import Digest
from kfp_provenance.metadata import LineageIndex
from kfp_provenance.metadata.graph import ArtifactRow

_KEY = re.compile(r"artifact:([0-9]{1,18})")
_ROW = re.compile(r"[0-9]{1,18}")
_HEX = re.compile(r"[0-9a-f]{4,64}")
_FOLLOWED = 200
WHOLE = 64
"""Hex digits of a digest that is not shortened."""


@dataclass(frozen=True)
class Content:
    """An artifact that a page is about.

    Attributes:
        key: The digest, or ``artifact:<row>``.
        rows: Ids of all rows with these bytes, oldest first.
        newest: The newest of them.
    """

    key: str
    rows: tuple[int, ...]
    newest: ArtifactRow

    @property
    def followed(self) -> tuple[int, ...]:
        """Rows whose writers are looked for: the newest, where there are thousands.

        Of rows that nobody wrote one would do, for the store joins them by digest.
        """
        return self.rows[-_FOLLOWED:]

    @property
    def one(self) -> tuple[int, ...]:
        """A row for what follows from the content: the store finds the others by digest."""
        return self.rows[-1:]


def content_of(index: LineageIndex, key: str) -> Content:
    """The artifact with this digest, or in this row.

    Raises:
        StoreError: REFERENCE_UNKNOWN.
    """
    if match := _KEY.fullmatch(key):
        rows: tuple[int, ...] = (int(match[1]),)
    elif key.startswith("sha256:") and _is_whole(key):
        rows = index.rows_with_digest(Digest.parse(key))
    else:
        raise unknown("artifact", key)
    found = index.artifacts(rows[-1:])
    if not found:
        raise unknown("artifact", key)
    if found[0].digest is not None and len(rows) == 1:
        rows = index.rows_with_digest(found[0].digest)
    return Content(found[0].key, rows, found[0])


def step_row_of(text: str) -> int:
    """Row of a step in an address.

    Raises:
        StoreError: REFERENCE_UNKNOWN.
    """
    if not _ROW.fullmatch(text):
        raise unknown("step", text)
    return int(text)


def digest_prefix(text: str) -> str:
    """``sha256:<hex>`` for a digest or its beginning, as people paste it; else empty."""
    lower = text.strip().lower().removeprefix("sha256:")
    return f"sha256:{lower}" if _HEX.fullmatch(lower) else ""


def _is_whole(key: str) -> bool:
    return digest_prefix(key) == key and len(key) == len("sha256:") + WHOLE


def unknown(what: str, text: str) -> StoreError:
    """The error for a page that is not there."""
    return StoreError(
        Code.REFERENCE_UNKNOWN,
        f"the store has no such {what}",
        where=printable(text, 200),
        remedy="search for a digest, its beginning, a URI or the id of a run",
    )
