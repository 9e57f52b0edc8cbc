"""Under which names models were published, from the records of the steps that did it."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from kfp_provenance.errors import ArtifactError
from kfp_provenance.facts import Digest, Input, Outcome, Step
from kfp_provenance.lineage.views import PublishedName
from kfp_provenance.metadata.graph import LineageIndex

PUBLISHER: Final = "kfp_provenance.components.publish.component.publish"
"""The component whose steps publish; its receipts say what and where."""
LIMIT: Final = 200
"""Publications that are read, the newest."""
_OTHERS: Final = 2
"""How many times as many publications of other models are looked at, for who moved a pointer."""
_PART: Final = 200
"""Records that are read at once."""


def published_names(
    index: LineageIndex, steps: Collection[int]
) -> tuple[tuple[PublishedName, ...], int]:
    """Names that any of the steps published, newest first.

    Args:
        index: The store.
        steps: Steps to look among.

    Returns:
        The names, each with its newest publication among ``steps``, and how many
        publications were not read because of :data:`LIMIT`; those of others count where
        they could have moved a pointer.

    Raises:
        StoreError: If the store cannot be read.
    """
    chosen = index.steps_of_component(PUBLISHER, sorted(steps))
    if not chosen:
        return (), 0
    publishers = index.steps_of_component(PUBLISHER)
    read = chosen[-LIMIT:]
    newest: dict[str, PublishedName] = {}
    for name in _names(index, read):
        known = newest.get(name.pointer)
        if known is None or known.published <= name.published:
            newest[name.pointer] = name
    later = sorted(row for row in set(publishers) - set(read) if row > read[0])
    moved, unread = _moved_on(index, newest, later)
    names = [replace(name, current=pointer not in moved) for pointer, name in newest.items()]
    names.sort(key=lambda name: (name.published, name.pointer), reverse=True)
    return tuple(names), len(chosen) - len(read) + unread


def _moved_on(
    index: LineageIndex, names: Mapping[str, PublishedName], later: Sequence[int]
) -> tuple[set[str], int]:
    """Pointers that were moved to another model afterwards, and how many steps were not read.

    The newest steps are read first, and no more of them than it takes.
    """
    moved: set[str] = set()
    asked = dict(names)
    for end in range(len(later), 0, -_PART):
        if not asked:
            break
        if len(later) - end >= _OTHERS * LIMIT:
            return moved, end
        found = sorted(
            _names(index, later[max(0, end - _PART) : end]),
            key=lambda name: name.published,
            reverse=True,
        )
        for other in found:
            name = asked.get(other.pointer)
            if name is not None and name.published < other.published:
                del asked[name.pointer]
                if (other.model, other.model_uri) != (name.model, name.model_uri):
                    moved.add(name.pointer)
        if found:
            asked = {p: name for p, name in asked.items() if name.published < found[-1].published}
    return moved, 0


def _names(index: LineageIndex, steps: Sequence[int]) -> Iterator[PublishedName]:
    for start in range(0, len(steps), _PART):
        for step in index.records(steps[start : start + _PART]):
            yield from _published(step)


def _published(step: Step) -> Iterator[PublishedName]:
    if step.outcome is not Outcome.SUCCEEDED:
        return
    for output in step.outputs:
        receipt = _receipt(output.artifact.metadata)
        if receipt.get("pointer"):
            yield PublishedName(
                pointer=receipt["pointer"],
                name=receipt.get("name", ""),
                model=_digest(receipt.get("digest", "")) or _model(step.inputs),
                model_uri=receipt.get("model", ""),
                run=step.run,
                published=step.finished,
                current=True,
            )


def _receipt(metadata: str) -> dict[str, str]:
    try:
        value = json.loads(metadata) if metadata else {}
    except (ValueError, RecursionError):
        return {}
    if not isinstance(value, dict):
        return {}
    return {str(key): text for key, text in value.items() if isinstance(text, str)}


def _model(inputs: tuple[Input, ...]) -> Digest | None:
    return next((given.artifact.digest for given in inputs if given.name == "model"), None)


def _digest(text: str) -> Digest | None:
    try:
        return Digest.parse(text)
    except ArtifactError:
        return None
