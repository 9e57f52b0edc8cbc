"""Which column is the label, and which name a row, as far as anybody has said."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

from kfp_provenance.analysis.diffing.tables import declared_key, entry_label
from kfp_provenance.facts import Step


def label_names(asked: str, steps: Iterable[Step]) -> tuple[str, ...]:
    """Names of the label, the likeliest first.

    Args:
        asked: What the user named; then nothing else counts.
        steps: Steps whose parameters (``label``, ``target``) and artifacts may name it. A
            ``target`` that makes the label of another column names that column.
    """
    if asked:
        return (asked,)
    steps = tuple(steps)
    found = [
        *(name for step in steps for name in _of_artifacts(step)),
        *(name for step in steps for name in _of_parameters(step)),
    ]
    return tuple(dict.fromkeys(found))


def keys_of(steps: Iterable[Step]) -> tuple[tuple[str, ...], ...]:
    """Keys of tables that the steps' outputs declare, each once."""
    found = (declared_key(made.artifact) for step in steps for made in step.outputs)
    return tuple(dict.fromkeys(key for key in found if key))


def _of_artifacts(step: Step) -> Iterator[str]:
    for made in step.outputs:
        if label := entry_label(made.artifact):
            yield label


def _of_parameters(step: Step) -> Iterator[str]:
    for parameter in step.parameters:
        if parameter.name not in ("label", "target") or not parameter.value:
            continue
        try:
            value = json.loads(parameter.value)
        except ValueError:
            continue
        name = value.get("column") if isinstance(value, dict) else value
        if isinstance(name, str) and name:
            yield name
