"""From what somebody pasted to a page: a digest or its beginning, a run, a URI.

Unlike ``kprov trace`` it takes no path of this machine: whoever sees the page would have
files hashed that are not theirs.
"""

from __future__ import annotations

from dataclasses import dataclass

from kfp_provenance.metadata import LineageIndex
from kfp_provenance.metadata.graph import ArtifactRow
from kfp_provenance.web.links import row_link, run_link
from kfp_provenance.web.references import digest_prefix

_MOST = 50


@dataclass(frozen=True)
class Hits:
    """What was found.

    Attributes:
        rows: One row of each content.
        runs: Ids of runs.
        is_whole: False if there are more contents.
    """

    rows: tuple[ArtifactRow, ...] = ()
    runs: tuple[str, ...] = ()
    is_whole: bool = True

    @property
    def only(self) -> str:
        """Page of the one thing that was found; empty if it is not one."""
        links = [*map(row_link, self.rows), *map(run_link, self.runs)]
        return links[0] if len(links) == 1 else ""


def search(index: LineageIndex, text: str) -> Hits:
    """Look for what somebody typed.

    Raises:
        StoreError: If the store cannot be read.
    """
    text = text.strip()
    if not text:
        return Hits()
    runs = (text,) if index.steps_of_run(text) else ()
    found: list[int] = []
    is_whole = True
    if prefix := digest_prefix(text):
        digests = index.digests_beginning(prefix, _MOST + 1)
        is_whole = len(digests) <= _MOST
        for digest in digests[:_MOST]:
            found += index.rows_with_digest(digest)[-1:]
    if not found and not runs:
        found = list(index.rows_at(text)[-_MOST:])
    unique = {row.key: row for row in index.artifacts(found)}
    return Hits(tuple(unique.values()), runs, is_whole)
