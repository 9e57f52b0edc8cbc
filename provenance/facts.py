"""The facts that everything else talks about: frozen, without I/O.

Words are those of the project: an *artifact* is bytes with a name, identified by
its digest and located by a URI; a *step* is one execution of one component; a
*run* is one execution of one pipeline.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Self

from kfp_provenance.codes import Code, ExitCode, exit_code
from kfp_provenance.errors import ArtifactError

_HEX = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, order=True)
class Digest:
    """A SHA-256, written ``sha256:<hex>``.

    Of a file it is the digest of its bytes; of a directory the digest of its
    listing (the ``dirHash`` of in-toto); of an artifact without bytes the digest
    of its metadata as canonical JSON (RFC 8785).

    Attributes:
        hex: 64 lower-case hexadecimal digits.
    """

    hex: str

    def __post_init__(self) -> None:
        if not _HEX.fullmatch(self.hex):
            raise ArtifactError(
                Code.DIGEST_INVALID,
                "a digest is 64 lower-case hexadecimal digits",
                expected="sha256:<64 hex digits>",
                found=repr(self.hex[:80]),
                remedy="copy the digest as `kprov digest PATH` prints it",
            )

    @classmethod
    def of(cls, data: bytes) -> Self:
        """Digest of bytes at hand; files are hashed by :mod:`kfp_provenance.hashing`."""
        return cls(hashlib.sha256(data).hexdigest())

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``sha256:<hex>``.

        Raises:
            ArtifactError: DIGEST_INVALID for any other form.
        """
        algorithm, _, value = text.partition(":")
        return cls(value if algorithm == "sha256" else text)

    def __str__(self) -> str:
        return f"sha256:{self.hex}"

    @property
    def short(self) -> str:
        """First 12 digits, for tables and trees; never an identity."""
        return self.hex[:12]


class ArtifactKind(StrEnum):
    """What the digest of an artifact was taken of."""

    FILE = "file"
    DIRECTORY = "directory"
    VALUES = "values"
    """No bytes at its path: the identity is its metadata (``system.Metrics``)."""


@dataclass(frozen=True)
class Artifact:
    """Bytes with a name.

    Attributes:
        digest: Identity.
        uri: Location, without credentials. Two URIs of equal bytes are one artifact.
        kind: What the digest was taken of.
        size: Bytes of the file, or of all files of the directory.
        type: Schema title of KFP, for example ``system.Dataset``.
        version: Version of the object at its location (GCS generation), if known.
        metadata: Canonical JSON of what the task wrote into ``artifact.metadata``;
            empty where it is empty or above the limit of the runtime.
    """

    digest: Digest
    uri: str
    kind: ArtifactKind
    size: int
    type: str = "system.Artifact"
    version: str = ""
    metadata: str = ""


class InputOrigin(StrEnum):
    """How an artifact came to a step."""

    STEP = "step"
    """A tracked step produced it and announced its digest."""
    IMPORTED = "imported"
    """KFP handed it over without a digest: an importer or an untracked task."""
    SOURCE = "source"
    """The step read it from outside the pipeline and declared it."""


@dataclass(frozen=True)
class Input:
    """An artifact that a step read.

    Attributes:
        name: Name in the component's interface.
        index: Position in a list of artifacts; 0 for a single one.
        artifact: What was read, hashed by the step itself.
        origin: How it came.
        producer: Id of the step that announced it; empty unless ``origin`` is STEP.
        output: Name of the producer's output that it was; with ``output_index``.
        output_index: Position in that output.
    """

    name: str
    index: int
    artifact: Artifact
    origin: InputOrigin
    producer: str = ""
    output: str = ""
    output_index: int = 0


@dataclass(frozen=True)
class Output:
    """An artifact that a step wrote: name in the interface, position, artifact."""

    name: str
    index: int
    artifact: Artifact


@dataclass(frozen=True)
class Parameter:
    """A parameter of a step: its value, or only a keyed digest of it.

    Attributes:
        name: Name in the component's interface.
        value: JSON text of the value; empty if redacted.
        keyed_digest: ``hmac-sha256:<key id>:<hex>`` of a secret value; else empty.
    """

    name: str
    value: str = ""
    keyed_digest: str = ""


@dataclass(frozen=True)
class ComponentReference:
    """Which component a step ran.

    Attributes:
        name: Dotted module and function, for example ``churn.steps.clean``.
        version: Version of the distribution that it comes from; may be empty.
        source_digest: Digest of the function's source as it was compiled.
        image: Image reference that the pipeline asks for.
    """

    name: str
    version: str
    source_digest: Digest
    image: str


@dataclass(frozen=True)
class CodeState:
    """State of the author's repository when the pipeline was compiled.

    Attributes:
        commit: Full git commit.
        dirty: Whether the work tree had changes that the commit lacks.
        repository: URL of the remote ``origin`` without credentials; may be empty.
    """

    commit: str
    dirty: bool
    repository: str = ""


@dataclass(frozen=True)
class Environment:
    """The Python that ran a step; its list of packages is stored once.

    Attributes:
        digest: Digest of ``python`` and ``packages`` as lines, sorted.
        python: For example ``CPython 3.11.7 linux-x86_64``.
        packages: ``name==version``, sorted.
    """

    digest: Digest
    python: str
    packages: tuple[str, ...] = ()


class Outcome(StrEnum):
    """How a step ended."""

    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"


@dataclass(frozen=True)
class StepFailure:
    """Why a step failed: class and message of the error, credentials removed."""

    type: str
    message: str


@dataclass(frozen=True)
class Step:
    """One execution of one component: the step record.

    Attributes:
        id: Unique; every attempt has its own.
        run: Id of the run: the run's UUID in a cluster, the name of the run's
            folder in a local run.
        task: Path of the task in the run, for example ``for-loop-1-iteration-0/train``.
        pipeline: Name of the pipeline.
        pipeline_digest: Digest of the compiled pipeline, if it was compiled by
            this package; else empty.
        namespace: Kubernetes namespace; empty for a local run.
        attempt: 1 for the first try of the task.
        component: What ran.
        code: Repository state, if known.
        environment: Digest of the Python environment.
        parameters: Input parameters, sorted by name.
        results: Output parameters, sorted by name.
        inputs: Artifacts read, in the order of names and positions.
        outputs: Artifacts written, likewise.
        started: UTC.
        finished: UTC.
        outcome: How it ended.
        failure: Why, if it failed.
        runtime_version: Version of this package that made the record.
    """

    id: str
    run: str
    task: str
    pipeline: str
    component: ComponentReference
    environment: Digest
    started: datetime
    finished: datetime
    outcome: Outcome
    pipeline_digest: str = ""
    namespace: str = ""
    attempt: int = 1
    code: CodeState | None = None
    parameters: tuple[Parameter, ...] = ()
    results: tuple[Parameter, ...] = ()
    inputs: tuple[Input, ...] = ()
    outputs: tuple[Output, ...] = ()
    failure: StepFailure | None = None
    runtime_version: str = ""


@dataclass(frozen=True)
class Run:
    """One execution of one pipeline: its steps in the order of their start."""

    id: str
    pipeline: str
    namespace: str
    steps: tuple[Step, ...]


@dataclass(frozen=True)
class Finding:
    """One reason why a chain does not hold.

    Attributes:
        code: Stable code.
        message: What is wrong, in one sentence.
        step: Task or id of the step, if one is concerned.
        artifact: Name, URI or digest of the artifact, if one is concerned.
        expected: What should have been there.
        found: What was there.
        remedy: What to do about it.
    """

    code: Code
    message: str
    step: str = ""
    artifact: str = ""
    expected: str = ""
    found: str = ""
    remedy: str = ""


@dataclass(frozen=True)
class Verdict:
    """The judgement over one chain.

    Attributes:
        findings: Why it does not hold; empty if it does.
        notes: What a reader should know although it holds (bytes not read, ...).
    """

    findings: tuple[Finding, ...] = ()
    notes: tuple[Finding, ...] = field(default=())

    @property
    def passed(self) -> bool:
        """True only if nothing was found."""
        return not self.findings

    @property
    def exit_code(self) -> ExitCode:
        """Undecided beats refused: what could not be read was not judged."""
        return max((exit_code(f.code) for f in self.findings), default=ExitCode.PASS)
