"""The page of an artifact: where it is, who made it, who read it, what came of it."""

from __future__ import annotations

from dataclasses import dataclass

from kfp_provenance.lineage.queries import impact
from kfp_provenance.lineage.views import Impact
from kfp_provenance.metadata import LineageIndex
from kfp_provenance.metadata.graph import ArtifactRow, StepRow
from kfp_provenance.web.family import Family, Metric, family_of, metadata_of
from kfp_provenance.web.links import is_model
from kfp_provenance.web.references import Content
from kfp_provenance.web.settings import Limits
from kfp_provenance.web.verdicts import Judge, Judgement

_NEAREST = 500
"""Steps after an artifact among which its first readers are looked for."""


@dataclass(frozen=True)
class ArtifactPage:
    """What is said at once.

    Attributes:
        content: Digest and rows.
        name: Of the output that it is; of what came from outside, the end of its URI.
        rows: Its places, the newest first, as far as the limit goes.
        family: What its runs made of it.
        judgement: Of a model; None of anything else.
        metrics: Measured on it.
        values: What its task wrote into its metadata.
    """

    content: Content
    name: str
    rows: tuple[ArtifactRow, ...]
    family: Family
    judgement: Judgement | None
    metrics: tuple[Metric, ...]
    values: dict[str, object]

    @property
    def more_rows(self) -> int:
        """Places that are not shown."""
        return len(self.content.rows) - len(self.rows)

    @property
    def source(self) -> bool:
        """Whether no step is known to have written it."""
        return not self.family.producers


@dataclass(frozen=True)
class Uses:
    """What takes longer with a popular data set.

    Attributes:
        readers: Name of the input, and step: the first ones.
        is_whole: Whether these are all readers.
        impact: Counts, models, published names.
    """

    readers: tuple[tuple[str, StepRow], ...]
    is_whole: bool
    impact: Impact


def artifact_page(
    index: LineageIndex, content: Content, judge: Judge, limits: Limits
) -> ArtifactPage:
    """Everything but the picture and the uses.

    Raises:
        StoreError: If the store cannot be read.
    """
    newest = content.newest
    family = family_of(index, content, limits)
    return ArtifactPage(
        content=content,
        name=family.name or _last_part(newest.uri) or newest.type or "artifact",
        rows=index.artifacts(content.rows[-limits.rows :][::-1]),
        family=family,
        judgement=judge.judge(index, content, family) if is_model(newest.type) else None,
        metrics=family.metrics(),
        values=metadata_of(newest),
    )


def _last_part(uri: str) -> str:
    return uri.rstrip("/").rpartition("/")[2]


def uses_of(index: LineageIndex, content: Content, limits: Limits) -> Uses:
    """Who read it, and what came of that.

    Raises:
        StoreError: If the store cannot be read.
    """
    steps = index.downstream(content.one)
    rows = set(content.rows)
    names = {
        edge.step: edge.name
        for edge in index.edges(steps[:_NEAREST])
        if not edge.output and edge.artifact in rows
    }
    shown = sorted(names)[: limits.rows]
    found = tuple((names[step.id], step) for step in index.steps(shown))
    return Uses(
        readers=found,
        is_whole=len(names) == len(shown) and len(steps) <= _NEAREST,
        impact=impact(index, content.one, limit=limits.rows),
    )
