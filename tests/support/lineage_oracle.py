"""The rule by which steps follow one another, written a second time.

From ``provenance/metadata/graph.py``, over plain facts and with networkx: slow, and short
enough to be believed. Nothing of the code under test is used.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable
from datetime import UTC, datetime
from typing import Any

import networkx as nx

from support.lineage_facts import EventFact, ExecutionFact, Facts, named, texts_of

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_OUTPUT, _INPUT = (1, 4, 6), (2, 3, 5)
_CACHED = 5
_STATES = {1: "NEW", 2: "RUNNING", 3: "SUCCEEDED", 4: "FAILED", 5: "CACHED", 6: "CANCELED"}
_UNFINISHED = (1, 2)
_OWN = "kprov.Step", "kprov.Artifact"

Row = dict[str, Any]


class Oracle:
    """Answers for a whole store, or for a part of it that nothing else touches."""

    def __init__(self, facts: Facts) -> None:
        self.facts = facts
        self._at: dict[int, list[EventFact]] = defaultdict(list)
        self._of: dict[int, list[EventFact]] = defaultdict(list)
        self._equal: dict[str, list[int]] = defaultdict(list)
        for event in facts.events:
            self._at[event.artifact].append(event)
            self._of[event.step].append(event)
        for row in sorted(facts.artifacts):
            if digest := self.digest(row):
                self._equal[digest].append(row)
        self.graph = nx.DiGraph()
        self.graph.add_nodes_from(facts.executions)
        for event in facts.events:
            if event.kind in _INPUT:
                self.graph.add_edges_from((writer, event.step) for writer in self._writers(event))

    # --- contents and rows

    def digest(self, row: int) -> str:
        """Of the row's bytes; empty if it says none."""
        text = texts_of(self.facts.artifacts[row]).get("digest", "")
        return text if _DIGEST.fullmatch(text) else ""

    def key(self, row: int) -> str:
        return self.digest(row) or f"artifact:{row}"

    def rows_with_digest(self, digest: str) -> tuple[int, ...]:
        return tuple(self._equal.get(digest, ()))

    def digests(self) -> tuple[str, ...]:
        return tuple(sorted(self._equal))

    def _with_equal(self, rows: Iterable[int]) -> set[int]:
        known = set(rows)
        return known | {other for row in known for other in self._equal.get(self.digest(row), ())}

    # --- the rule

    def wrote(self, row: int) -> set[int]:
        """Who says to have written a row."""
        return {event.step for event in self._at[row] if event.kind in _OUTPUT}

    def makers(self, row: int) -> set[int]:
        """Who made a row: those that ran, if any of those that say so did."""
        makers = self.wrote(row)
        ran = {step for step in makers if self.facts.executions[step].state != _CACHED}
        return ran or makers

    def _writers(self, read: EventFact) -> set[int]:
        if makers := self.makers(read.artifact):
            return makers
        earlier = {
            wrote.step
            for row in self._equal.get(self.digest(read.artifact), ())
            for wrote in self._at[row]
            if wrote.kind in _OUTPUT and wrote.time <= read.time and wrote.step != read.step
            and wrote.step in self.makers(row)
        }  # fmt: skip
        run = self._run(read.step)
        return {step for step in earlier if run and self._run(step) == run} or earlier

    def _run(self, step: int) -> str:
        execution = self.facts.executions[step]
        return execution.declared.get("run", "") if execution.type == _OWN[0] else ""

    def upstream(self, rows: Collection[int]) -> tuple[int, ...]:
        unmade = {row for row in rows if not self.makers(row)}
        starts = set(rows) | self._with_equal(unmade)
        return self._reach({step for row in starts for step in self.makers(row)}, nx.ancestors)

    def downstream(self, rows: Collection[int]) -> tuple[int, ...]:
        read = {e.step for row in self._with_equal(rows) for e in self._at[row] if e.kind in _INPUT}
        return self._reach(read, nx.descendants)

    def _reach(
        self, steps: set[int], follow: Callable[[nx.DiGraph, int], set[int]]
    ) -> tuple[int, ...]:
        return tuple(sorted(steps.union(*(follow(self.graph, step) for step in steps))))

    # --- what steps read and made

    def outputs(self, steps: Collection[int], title: str = "") -> tuple[int, ...]:
        rows = {e.artifact for step in steps for e in self._of[step] if e.kind in _OUTPUT}
        return tuple(
            row
            for row in sorted(rows)
            if self.makers(row) & set(steps) and title in ("", self.artifact(row)["type"])
        )

    def inputs(self, steps: Collection[int]) -> set[int]:
        return {e.artifact for step in steps for e in self._of[step] if e.kind in _INPUT}

    def summary(self, steps: Collection[int], title: str = "") -> tuple[int, int, tuple[Any, ...]]:
        """Runs, contents, and the contents of a type: the one that was first made last first."""
        runs = {self.step(step)["run"] for step in steps} - {""}
        groups: dict[str, list[int]] = defaultdict(list)
        for row in self.outputs(steps, title) if title else ():
            groups[self.key(row)].append(row)
        newest = sorted(groups.items(), key=lambda group: -min(group[1]))
        contents = {self.key(row) for row in self.outputs(steps)}
        return len(runs), len(contents), tuple((key, tuple(rows)) for key, rows in newest)

    def edges(self, steps: Iterable[int]) -> list[tuple[int, bool, str, int, int]]:
        """Step, direction, name, position and row, once for each name of an event."""
        return sorted(
            (step, event.kind in _OUTPUT, name, index, event.artifact)
            for step in set(steps)
            for event in self._of[step]
            if event.kind in _OUTPUT + _INPUT
            for name, index in self._names(event)
        )

    def _names(self, event: EventFact) -> list[tuple[str, int]]:
        if self.facts.executions[event.step].type == _OWN[0]:
            said = [json.loads(part) for part in event.path if isinstance(part, str)]
            return [(binding["name"], binding["index"]) for binding in said]
        numbers = [part for part in event.path if isinstance(part, int)]
        return [("/".join(p for p in event.path if isinstance(p, str)), (numbers or [0])[0])]

    # --- rows in short

    def artifact(self, row: int) -> Row:
        fact = self.facts.artifacts[row]
        own = fact.type == _OWN[1]
        said = texts_of(fact) if own else {}
        return {
            "id": row,
            "digest": self.digest(row) or None,
            "uri": fact.uri,
            "type": said.get("type", "") if own else fact.type,
            "kind": said.get("kind", ""),
            "size": int(said["size"]) if "size" in said else None,
            "version": said.get("version", ""),
            "metadata": said.get("metadata", ""),
            "created": _moment(fact.created),
        }

    def step(self, row: int) -> Row:
        fact = self.facts.executions[row]
        if fact.type != _OWN[0]:
            return self._other(fact)
        names = ("run", "task", "pipeline", "namespace", "component", "outcome")
        return {
            "id": row,
            "step": fact.declared["id"],
            **{name: fact.declared[name] for name in names},
            "started": datetime.fromisoformat(fact.declared["started"]),
            "finished": datetime.fromisoformat(fact.declared["finished"]),
        }

    def _other(self, fact: ExecutionFact) -> Row:
        said = texts_of(fact)
        task = said.get("task_name") or said.get("display_name") or fact.name or fact.type
        finished = None if fact.state in _UNFINISHED else _moment(fact.updated)
        return {
            "id": fact.id,
            "step": "",
            "run": next((c.name for c in named(fact.contexts, "Run")), ""),
            "task": task,
            "pipeline": next((c.name for c in named(fact.contexts, "Pipeline")), ""),
            "namespace": said.get("namespace", ""),
            "component": fact.type,
            "outcome": _STATES.get(fact.state, ""),
            "started": _moment(fact.created),
            "finished": finished,
        }


def _moment(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)
