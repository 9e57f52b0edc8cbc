"""The page that compares two artifacts; the comparison itself is that of ``kprov diff``.

Only what is recorded is compared. Tables are not read again: a visitor could have the page
read gigabytes that way.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kfp_provenance.lineage.references import Found
from kfp_provenance.metadata import LineageIndex
from kfp_provenance.metadata.graph import Selection
from kfp_provenance.web.asked import DiffAsked
from kfp_provenance.web.listings import ModelLine, list_models
from kfp_provenance.web.references import digest_prefix, unknown

if TYPE_CHECKING:
    from kfp_provenance.analysis.diffing.model import LineageDiff

_CANDIDATES = 20


@dataclass(frozen=True)
class DiffPage:
    """Two artifacts, or the models of two runs, and how they differ.

    Attributes:
        diff: The comparison; None until both are named.
        verdict: Of the comparison, in a sentence.
        candidates: Models to choose from while one is missing.
        missing: Which side that is: ``before`` or ``after``; empty if none.
    """

    diff: LineageDiff | None = None
    verdict: str = ""
    candidates: tuple[ModelLine, ...] = ()
    missing: str = ""


def diff_page(index: LineageIndex, asked: DiffAsked) -> DiffPage:
    """Compare what the address names.

    Raises:
        StoreError: REFERENCE_UNKNOWN, REFERENCE_AMBIGUOUS, or if the store cannot be read.
    """
    before, after = asked.before.strip(), asked.after.strip()
    if not before or not after:
        found = list_models(index, Selection(), None, _CANDIDATES)
        return DiffPage(candidates=found.lines, missing="before" if after else "after")
    # with pyarrow and scipy: loaded when somebody compares
    from kfp_provenance.analysis.diff import diff  # noqa: PLC0415
    from kfp_provenance.analysis.diffing.text import verdict  # noqa: PLC0415

    compared = diff(index, _found(index, before), _found(index, after), data=None)
    return DiffPage(diff=compared, verdict=verdict(compared))


def _found(index: LineageIndex, text: str) -> Found:
    """An artifact by its digest or the beginning of it, or what a run made; never a path."""
    if steps := index.steps_of_run(text):
        return Found(text, index.outputs(steps))
    prefix = digest_prefix(text)
    digests = index.digests_beginning(prefix, 2) if prefix else ()
    if len(digests) != 1:
        raise unknown("one artifact or run", text)
    return Found(text, index.rows_with_digest(digests[0]))
