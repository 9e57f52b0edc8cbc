"""Rows of the graph, from the values of any kind of store. Lenient: a listing shows what is there.

The strict reading of step records is that of :mod:`kfp_provenance.metadata.decode`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

from kfp_provenance.facts import Digest, Outcome
from kfp_provenance.metadata import schema
from kfp_provenance.metadata.graph import (
    INPUT_EVENTS,
    OUTPUT_EVENTS,
    ArtifactRow,
    EdgeRow,
    StepRow,
    Summary,
)

_STATES: Final = {
    1: "NEW", 2: "RUNNING", 3: str(Outcome.SUCCEEDED), 4: str(Outcome.FAILED), 5: "CACHED",
    6: "CANCELED",
}  # fmt: skip
_UNFINISHED: Final = (1, 2)
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_BEGINNING = re.compile(r"sha256:[0-9a-f]{1,64}")


def artifact_row(
    row_id: int, uri: str, type_name: str, created: int, properties: Mapping[str, str]
) -> ArtifactRow:
    """One artifact.

    Args:
        row_id: Of the row.
        uri: Its URI.
        type_name: Of its MLMD type.
        created: Milliseconds since 1970.
        properties: Its string properties.
    """
    own = type_name == schema.ARTIFACT_TYPE
    size = properties.get("size", "") if own else ""
    return ArtifactRow(
        id=row_id,
        digest=digest_in(properties),
        uri=uri,
        type=properties.get("type", "") if own else type_name,
        kind=properties.get("kind", "") if own else "",
        size=int(size) if size.isdecimal() and size.isascii() else None,
        version=properties.get("version", "") if own else "",
        metadata=properties.get("metadata", "") if own else "",
        created=_moment(created),
    )


def digest_in(properties: Mapping[str, str]) -> Digest | None:
    """The digest that a row says; None if it says none, or something else by that name."""
    text = properties.get("digest", "")
    return Digest.parse(text) if is_digest(text) else None


def is_digest(text: str) -> bool:
    """Whether a text is a digest, as we write it."""
    return _DIGEST.fullmatch(text) is not None


def is_beginning(text: str) -> bool:
    """Whether a text is a digest or the beginning of one."""
    return _BEGINNING.fullmatch(text) is not None


def is_text(text: str) -> bool:
    """Whether a store can hold a text: one with half a character has no bytes."""
    try:
        return bool(text.encode("utf-8")) or not text
    except UnicodeEncodeError:
        return False


def step_row(
    row_id: int,
    type_name: str,
    name: str,
    *,
    state: int | None,
    times: tuple[int, int],
    properties: Mapping[str, str],
    groups: Sequence[tuple[str, str]],
) -> StepRow:
    """One execution: a step of ours, or what another tool recorded.

    Args:
        row_id: Of the row.
        type_name: Of its MLMD type.
        name: Of the execution; may be empty.
        state: MLMD's last known state.
        times: When the row was made and last changed, milliseconds since 1970.
        properties: Its string properties.
        groups: Type and name of its contexts; used for those of other tools only.
    """
    if type_name == schema.STEP_TYPE:
        texts = {
            field: properties.get(field, "")
            for field in ("run", "task", "pipeline", "namespace", "component", "outcome")
        }
        return StepRow(
            id=row_id, step=properties.get("id", ""), **texts,
            started=_time(properties.get("started", "")),
            finished=_time(properties.get("finished", "")),
        )  # fmt: skip
    return StepRow(
        id=row_id,
        step="",
        run=_group(groups, "Run"),
        task=properties.get("task_name") or properties.get("display_name") or name or type_name,
        pipeline=_group(groups, "Pipeline"),
        namespace=properties.get("namespace", ""),
        component=type_name,
        outcome=_STATES.get(state or 0, ""),
        started=_moment(times[0]),
        finished=None if state in _UNFINISHED else _moment(times[1]),
    )


def edge_rows(step: int, artifact: int, kind: int, path: Sequence[str | int]) -> Iterator[EdgeRow]:
    """The edges of one event: ours say a name for each binding, others one path."""
    if kind not in OUTPUT_EVENTS + INPUT_EVENTS:
        return
    output = kind in OUTPUT_EVENTS
    bindings = [_binding(part) for part in path if isinstance(part, str)]
    if bindings and all(bindings):
        for name, index in filter(None, bindings):
            yield EdgeRow(step, artifact, output, name, index)
        return
    names = [part for part in path if isinstance(part, str)]
    positions = [part for part in path if isinstance(part, int)]
    yield EdgeRow(step, artifact, output, "/".join(names), positions[0] if positions else 0)


def _binding(text: str) -> tuple[str, int] | None:
    if not text.startswith("{"):
        return None
    try:
        value = json.loads(text)
        return str(value["name"]), int(value["index"])
    except (ValueError, KeyError, TypeError, RecursionError, OverflowError):
        return None


def _group(groups: Sequence[tuple[str, str]], ending: str) -> str:
    return next((name for kind, name in groups if kind.endswith(ending)), "")


def _moment(milliseconds: int | None) -> datetime:
    try:
        return datetime.fromtimestamp((milliseconds or 0) / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return datetime.fromtimestamp(0, UTC)


def _time(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment.astimezone(UTC) if moment.tzinfo else None


def summary_of(
    runs: Collection[str], keys: Collection[str], of_type: Mapping[str, Iterable[int]]
) -> Summary:
    """A summary; the content of the type that was first made last comes first."""
    groups = [(key, tuple(sorted(rows))) for key, rows in of_type.items()]
    groups.sort(key=lambda group: group[1][0], reverse=True)
    return Summary(len(runs), len(keys), tuple(groups))
