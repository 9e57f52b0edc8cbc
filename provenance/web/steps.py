"""The page of a step: what ran, with what, and what it read and wrote."""

from __future__ import annotations

from dataclasses import dataclass

from kfp_provenance.codes import Code
from kfp_provenance.errors import StoreError
from kfp_provenance.facts import Environment, Step
from kfp_provenance.metadata import LineageIndex
from kfp_provenance.metadata.graph import ArtifactRow, EdgeRow, StepRow
from kfp_provenance.web.references import unknown
from kfp_provenance.web.settings import Limits


@dataclass(frozen=True)
class Port:
    """An input or output of a step."""

    edge: EdgeRow
    row: ArtifactRow

    @property
    def name(self) -> str:
        """Name, with its position in a list."""
        return f"{self.edge.name}[{self.edge.index}]" if self.edge.index else self.edge.name


@dataclass(frozen=True)
class StepPage:
    """Everything about a step.

    Attributes:
        step: In short.
        record: The whole record; None of other tools' executions.
        unreadable: Why the record cannot be read, if it cannot.
        environment: Its Python, if recorded.
        inputs: As far as the limit goes.
        outputs: Likewise.
        more: Inputs and outputs that are not shown.
    """

    step: StepRow
    record: Step | None
    unreadable: str
    environment: Environment | None
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    more: int


def step_page(index: LineageIndex, row: int, limits: Limits) -> StepPage:
    """Read a step.

    Raises:
        StoreError: REFERENCE_UNKNOWN, or if the store cannot be read.
    """
    found = index.steps([row])
    if not found:
        raise unknown("step", str(row))
    edges = index.edges([row])
    reads = [edge for edge in edges if not edge.output]
    writes = [edge for edge in edges if edge.output]
    shown = [*reads[: limits.rows], *writes[: limits.rows]]
    rows = {a.id: a for a in index.artifacts(sorted({edge.artifact for edge in shown}))}
    ports = [Port(edge, rows[edge.artifact]) for edge in shown if edge.artifact in rows]
    record, unreadable = _record(index, row)
    return StepPage(
        step=found[0],
        record=record,
        unreadable=unreadable,
        environment=index.environment(record.environment) if record else None,
        inputs=tuple(port for port in ports if not port.edge.output),
        outputs=tuple(port for port in ports if port.edge.output),
        more=len(edges) - len(shown),
    )


def _record(index: LineageIndex, row: int) -> tuple[Step | None, str]:
    """A record that somebody changed is no reason to show nothing of the step."""
    try:
        records = index.records([row])
    except StoreError as error:
        if error.code is not Code.STORE_CORRUPT:
            raise
        return None, f"{error.code}: {error.message}, {error.where}"
    return (records[0] if records else None), ""
