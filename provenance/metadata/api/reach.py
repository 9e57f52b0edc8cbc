"""What :mod:`kfp_provenance.metadata.sql.reach` says in SQL, said level by level.

MLMD's own ``get_lineage_subgraph`` ends after a hundred hops without a word and does not
join by digest, so the events are followed here.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any

from kfp_provenance.metadata.api.nodes import ApiNodes, inputs, outputs


def upstream(nodes: ApiNodes, artifacts: Collection[int]) -> tuple[int, ...]:
    """Steps behind the rows; rows that nobody wrote are first joined by digest."""
    starts = set(artifacts)
    unmade = [row for row, e in nodes.events_of_artifacts(sorted(starts)).items() if not outputs(e)]
    starts |= _equal_rows(nodes, unmade)
    events = nodes.events_of_artifacts(sorted(starts))
    frontier = {e.execution_id for found in events.values() for e in nodes.producers(found)}
    reached: set[int] = set()
    while frontier:
        reached |= frontier
        read = [e for found in nodes.events_of_executions(sorted(frontier)).values()
                for e in inputs(found)]  # fmt: skip
        frontier = _writers(nodes, read) - reached
    return tuple(sorted(reached))


def downstream(nodes: ApiNodes, artifacts: Collection[int]) -> tuple[int, ...]:
    """Steps that read the rows or equal bytes, and all that follow them."""
    starts = set(artifacts) | _equal_rows(nodes, artifacts)
    events = nodes.events_of_artifacts(sorted(starts))
    frontier = {e.execution_id for found in events.values() for e in inputs(found)}
    reached: set[int] = set()
    while frontier:
        reached |= frontier
        wrote = [e for found in nodes.events_of_executions(sorted(frontier)).values()
                 for e in outputs(found)]  # fmt: skip
        frontier = _readers(nodes, wrote) - reached
    return tuple(sorted(reached))


def made_by(nodes: ApiNodes, steps: Collection[int]) -> set[int]:
    """Rows that the steps wrote."""
    found = nodes.events_of_executions(sorted(set(steps))).values()
    wrote = [event for events in found for event in outputs(events)]
    return {event.artifact_id for event in _made(nodes, wrote)}


def _equal_rows(nodes: ApiNodes, rows: Iterable[int]) -> set[int]:
    digests = set(nodes.digests(rows).values())
    return {row for found in nodes.rows_of_digests(digests).values() for row in found}


def _writers(nodes: ApiNodes, read: Sequence[Any]) -> set[int]:
    """Steps that the reading events follow."""
    made = nodes.events_of_artifacts(sorted({event.artifact_id for event in read}))
    found: set[int] = set()
    unmade = []
    for event in read:
        producers = nodes.producers(made[event.artifact_id])
        found |= {producer.execution_id for producer in producers}
        if not producers:
            unmade.append(event)
    return found | {writer for _, writer in _joined(nodes, unmade)}


def _readers(nodes: ApiNodes, wrote: Sequence[Any]) -> set[int]:
    """Steps that follow the writing events."""
    made = _made(nodes, wrote)
    rows = sorted({event.artifact_id for event in made})
    events = nodes.events_of_artifacts(rows)
    found = {e.execution_id for row in rows for e in inputs(events[row])}
    writers = {event.execution_id for event in wrote}
    copies = sorted(_equal_rows(nodes, rows) - set(rows))
    around = nodes.events_of_artifacts(copies)
    read = [e for row in copies if not outputs(around[row]) for e in inputs(around[row])]
    return found | {reader for reader, writer in _joined(nodes, read) if writer in writers}


def _made(nodes: ApiNodes, wrote: Sequence[Any]) -> list[Any]:
    """Those of the writing events whose steps made the row, and did not take it from a cache."""
    if not nodes.other_tools():
        return list(wrote)
    events = nodes.events_of_artifacts(sorted({event.artifact_id for event in wrote}))
    makers = {
        row: {event.execution_id for event in nodes.producers(found)}
        for row, found in events.items()
    }
    return [event for event in wrote if event.execution_id in makers[event.artifact_id]]


def _joined(nodes: ApiNodes, read: Sequence[Any]) -> set[tuple[int, int]]:
    """Reader and writer of each reading of a row that nobody wrote, joined by digest."""
    digests = nodes.digests({event.artifact_id for event in read})
    equal = nodes.rows_of_digests(set(digests.values()))
    around = nodes.events_of_artifacts(sorted({row for rows in equal.values() for row in rows}))
    nodes.executions(
        e.execution_id for events in (read, *around.values()) for e in events
    )  # all at once: the rule below asks one by one
    found: set[tuple[int, int]] = set()
    for event in read:
        reader = event.execution_id
        writers = {
            made.execution_id
            for row in equal.get(digests.get(event.artifact_id, ""), ())
            for made in nodes.producers(around[row])
            if made.execution_id != reader
            and made.milliseconds_since_epoch <= event.milliseconds_since_epoch
        }
        run = nodes.run(reader)
        own = {writer for writer in writers if run and nodes.run(writer) == run}
        found |= {(reader, writer) for writer in own or writers}
    return found
