"""The tables on the way: those from outside first, then what was made of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from kfp_provenance.analysis.diffing.align import Split, StepPair
from kfp_provenance.analysis.diffing.data_causes import MAX_EXAMPLES, data_causes, summary
from kfp_provenance.analysis.diffing.describing import content_of
from kfp_provenance.analysis.diffing.history import Given, Place
from kfp_provenance.analysis.diffing.likelihood import FIXED
from kfp_provenance.analysis.diffing.model import Cause, CauseKind, DataComparison
from kfp_provenance.analysis.diffing.step_causes import task_list
from kfp_provenance.analysis.diffing.tables import (
    LIMIT_REACHED,
    NO_DATA,
    TableComparer,
    Tables,
    may_be_table,
)

PROFILE = "profile"
"""Name of the output that holds the profile of the data set of the same step."""


@dataclass
class DataFindings:
    """What the tables say.

    Attributes:
        causes: Of tables from outside, and of what such a table stands for.
        comparisons: Every table that was compared.
        notes: What could not be compared.
    """

    causes: list[Cause] = field(default_factory=list)
    comparisons: list[DataComparison] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _Compared:
    before: Given
    after: Given
    tables: Tables
    name: str


class DataWalk:
    """Compares tables and keeps what they say.

    Args:
        comparer: Does the comparing.
    """

    def __init__(self, comparer: TableComparer) -> None:
        self._comparer = comparer
        self.found = DataFindings()

    def source(self, split: Split, readers: Iterable[StepPair]) -> None:
        """Other bytes from outside: what in them differs is a cause.

        If they are no table or cannot be read, what the reading step made of them stands
        for them: its data sets, or else its data profile.
        """
        pairs = list(readers)
        tasks = tuple(dict.fromkeys(pair.task for pair in pairs))
        if split.before is None or split.after is None:
            return
        compared = self._direct(split.before, split.after, split.name, task_list(tasks))
        made_of = ""
        if compared is None:
            compared = next((found for pair in pairs for found in self._outputs(pair)), None)
            made_of = f", seen in {compared.name!r}, which was made of it" if compared else ""
        if compared is None:
            self.found.causes.append(_bytes_cause(split, tasks))
            return
        self._keep(compared, task_list(tasks), source=True)
        causes = list(_causes(compared.tables, tasks, split.name, made_of))
        self.found.causes += causes or [_bytes_cause(split, tasks)]

    def step(self, pair: StepPair, *, as_causes: bool) -> str:
        """What a step wrote; the differences in one line, empty if none were compared.

        Args:
            pair: The steps.
            as_causes: Whether its tables are where the data came into the chain.
        """
        lines = []
        for compared in self._outputs(pair):
            self._keep(compared, pair.task, source=as_causes)
            lines.append(f"{compared.name}: {summary(compared.tables)}")
            if as_causes:
                self.found.causes += _causes(compared.tables, (pair.task,), compared.name, "")
        return "; ".join(lines)

    def _direct(self, before: Given, after: Given, name: str, task: str) -> _Compared | None:
        if not (may_be_table(before.artifact) and may_be_table(after.artifact)):
            return None
        tables = self._comparer.compare(before.artifact, after.artifact)
        if isinstance(tables, Tables):
            return _Compared(before, after, tables, name)
        if tables == LIMIT_REACHED:
            self.found.notes.append(LIMIT_REACHED)
        elif tables != NO_DATA:
            place = f"{name} of {task}" if task else name
            self.found.notes.append(f"{place} is not compared row by row: {tables}")
        return None

    def _outputs(self, pair: StepPair) -> Iterator[_Compared]:
        """Data sets of two steps that differ; their profiles if none of them can be read."""
        any_read = False
        for before, after in _opposite(pair):
            if before.artifact.digest == after.artifact.digest or before.name == PROFILE:
                continue
            compared = self._direct(before, after, before.name, pair.task)
            if compared is not None:
                any_read = True
                yield compared
        for before, after in () if any_read else _opposite(pair):
            if before.name != PROFILE or before.artifact.digest == after.artifact.digest:
                continue
            found = self._comparer.compare_profiles(before.artifact, after.artifact)
            if isinstance(found, Tables):
                yield _Compared(before, after, found, before.name)

    def _keep(self, compared: _Compared, task: str, *, source: bool) -> None:
        before, after = content_of(compared.before), content_of(compared.after)
        tables = compared.tables
        place = f"{compared.name} of {task}" if task else compared.name
        if source:
            self.found.notes += [f"{place}: {note}" for note in tables.notes]
        if before is None or after is None:
            return
        self.found.comparisons.append(
            DataComparison(
                task=task,
                name=compared.name,
                of="tables" if tables.rows else "profiles",
                source=source,
                before=before,
                after=after,
                summary=summary(tables),
                tables=tables.rows,
                profiles=tables.profiles,
            )
        )


def _opposite(pair: StepPair) -> Iterator[tuple[Given, Given]]:
    """Outputs of equal name of two steps."""
    after = {(made.name, made.index): made.artifact for made in pair.after.outputs}
    for made in pair.before.outputs:
        port = (made.name, made.index)
        if port in after:
            yield (
                Given(made.artifact, Place(pair.before, *port), *port),
                Given(after[port], Place(pair.after, *port), *port),
            )


def _causes(tables: Tables, tasks: tuple[str, ...], name: str, made_of: str) -> Iterator[Cause]:
    for found in data_causes(tables):
        yield Cause(
            found.kind,
            found.title,
            tasks,
            found.likelihood.score,
            found.likelihood.why + made_of,
            name=name,
            column=found.column,
            evidence=found.evidence,
            examples=found.examples[:MAX_EXAMPLES],
            more_examples=max(0, len(found.examples) - MAX_EXAMPLES),
        )


def _bytes_cause(split: Split, tasks: tuple[str, ...]) -> Cause:
    likely = FIXED[CauseKind.BYTES]
    before, after = content_of(split.before), content_of(split.after)
    sizes = (("size_before", before.size), ("size_after", after.size)) if before and after else ()
    reader = f"{task_list(tasks)} read other bytes as" if tasks else "other bytes of"
    return Cause(
        CauseKind.BYTES,
        f"{reader} {split.name!r}",
        tasks,
        likely.score,
        likely.why,
        name=split.name,
        before=before.digest if before else "",
        after=after.digest if after else "",
        evidence=sizes,
    )
