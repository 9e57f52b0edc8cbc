"""What lineage shows: a graph of contents and steps, and what an artifact had an effect on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from kfp_provenance.facts import Digest
from kfp_provenance.metadata.graph import StepRow


@dataclass(frozen=True)
class ArtifactNode:
    """A content: all rows of equal bytes are one node.

    Attributes:
        key: The digest, or ``artifact:<row>`` of a row without one.
        digest: Of the bytes, if known.
        name: Name under which it was first written, or else read, in this graph.
        type: Schema title.
        size: Bytes, if known.
        uris: Where the bytes are, as this graph's steps saw them; sorted.
        created: When the first of its rows in this graph was made.
        rows: Rows of the store, sorted.
    """

    key: str
    digest: Digest | None
    name: str
    type: str
    size: int | None
    uris: tuple[str, ...]
    created: datetime
    rows: tuple[int, ...]


@dataclass(frozen=True)
class Link:
    """A step read or wrote an artifact.

    Attributes:
        step: Key of the step, ``step:<row>``.
        artifact: Key of the artifact.
        output: Whether the step wrote it.
        name: Name of the input or output.
        index: Position in it.
        uri: Where the bytes were for this step.
    """

    step: str
    artifact: str
    output: bool
    name: str
    index: int
    uri: str = ""


@dataclass(frozen=True)
class Graph:
    """A part of the lineage.

    Attributes:
        starts: Keys of the artifacts that were asked about.
        artifacts: Contents, oldest first.
        steps: Producers before their consumers.
        links: All edges between them.
        more_steps: Steps that belong here and are not shown, because of a limit.
    """

    starts: tuple[str, ...]
    artifacts: tuple[ArtifactNode, ...]
    steps: tuple[StepRow, ...]
    links: tuple[Link, ...]
    more_steps: int = 0


@dataclass(frozen=True)
class PublishedName:
    """A name under which a model was published.

    Attributes:
        pointer: URI of the pointer that ``publish`` moved.
        name: Name of the model.
        model: Digest of the model that it was moved to.
        model_uri: Where that model is.
        run: Run that published it.
        published: When, UTC.
        current: Whether no later step of this store moved the pointer on.
    """

    pointer: str
    name: str
    model: Digest | None
    model_uri: str
    run: str
    published: datetime
    current: bool


@dataclass(frozen=True)
class Impact:
    """What an artifact had an effect on.

    Attributes:
        starts: Keys of the artifacts that were asked about.
        steps: Number of steps that used it, or what was made of it.
        runs: Number of their runs.
        artifacts: Number of contents that they wrote.
        models: Contents of type model among them, newest first, as far as the limit goes.
        more_models: How many more there are.
        published: Names that one of the models was published under, newest first.
        more_published: Publications that were not read, because there are too many.
    """

    starts: tuple[str, ...]
    steps: int
    runs: int
    artifacts: int
    models: tuple[ArtifactNode, ...]
    more_models: int
    published: tuple[PublishedName, ...]
    more_published: int = 0
