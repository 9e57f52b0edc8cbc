"""A recorded run in memory, signed for real: what the chain and bundle tests start from."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from kfp_provenance.attest import IN_RUN_BUILDER
from kfp_provenance.bundle import sign_chain
from kfp_provenance.codes import Code
from kfp_provenance.errors import StoreError
from kfp_provenance.facts import (
    Artifact,
    ArtifactKind,
    CodeState,
    ComponentReference,
    Digest,
    Environment,
    Input,
    InputOrigin,
    Outcome,
    Output,
    Parameter,
    Run,
    Step,
)
from kfp_provenance.lineage import Chain, Rehash, Root, collect_chain
from kfp_provenance.metadata.interface import RunSummary
from kfp_provenance.signing import KeySigner, new_key
from kfp_provenance.signing.file import open_signer

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
START = datetime(2026, 3, 1, 10, 0, tzinfo=UTC)
ENVIRONMENT = Environment(
    Digest(hashlib.sha256(b"CPython 3.11.7 linux-x86_64\na==1\n").hexdigest()),
    "CPython 3.11.7 linux-x86_64",
    ("a==1",),
)


def digest(data: bytes) -> Digest:
    return Digest(hashlib.sha256(data).hexdigest())


def artifact(data: bytes, uri: str = "", kind: ArtifactKind = ArtifactKind.FILE) -> Artifact:
    metadata = data.decode() if kind is ArtifactKind.VALUES else ""
    return Artifact(
        digest(data), uri or f"gs://bucket/{digest(data).short}", kind, len(data), metadata=metadata
    )


@dataclass(frozen=True)
class Content:
    """What is observed of PATH."""

    digest: Digest
    kind: ArtifactKind = ArtifactKind.FILE


def content(data: bytes) -> Content:
    return Content(digest(data))


class MemoryReader:
    """The Reader protocol over a list of steps."""

    def __init__(self, steps: Iterable[Step]) -> None:
        self.steps = {step.id: step for step in steps}
        self.attestations: dict[str, bytes] = {}

    def runs(self, limit: int = 100) -> tuple[RunSummary, ...]:
        raise NotImplementedError

    def run(self, run_id: str) -> Run:
        steps = tuple(step for step in self.steps.values() if step.run == run_id)
        if not steps:
            raise StoreError(Code.RUN_NOT_FOUND, f"no run {run_id}")
        return Run(run_id, steps[0].pipeline, steps[0].namespace, steps)

    def step(self, step_id: str) -> Step | None:
        return self.steps.get(step_id)

    def attestation(self, step_id: str) -> bytes | None:
        return self.attestations.get(step_id)

    def environment(self, wanted: Digest) -> Environment | None:
        return ENVIRONMENT if wanted == ENVIRONMENT.digest else None

    def close(self) -> None:
        pass


@dataclass
class RunBuilder:
    """Builds the steps of one run; each starts a minute after the one before."""

    run: str = "run-1"
    pipeline: str = "tabular-training"
    start: datetime = START
    steps: list[Step] = field(default_factory=list)

    def step(
        self,
        task: str,
        *,
        inputs: Sequence[Input] = (),
        outputs: Mapping[str, bytes | Artifact] = {},
        **changes: object,
    ) -> Step:
        started = self.start + timedelta(minutes=len(self.steps))
        step = Step(
            id=f"{self.run}/{task}",
            run=self.run,
            task=task,
            pipeline=self.pipeline,
            pipeline_digest=str(digest(self.pipeline.encode())),
            namespace="team-a",
            component=ComponentReference(
                f"churn.steps.{task}", "1.0", digest(task.encode()), "registry/image@sha256:aa"
            ),
            code=CodeState("0123456789abcdef" * 2 + "01234567", dirty=False),
            environment=ENVIRONMENT.digest,
            parameters=(Parameter("rate", value="0.5"), Parameter("seed", value="7")),
            inputs=tuple(inputs),
            outputs=tuple(
                Output(name, 0, made if isinstance(made, Artifact) else artifact(made))
                for name, made in outputs.items()
            ),
            started=started,
            finished=started + timedelta(seconds=30),
            outcome=Outcome.SUCCEEDED,
            runtime_version="0.1.0",
        )
        step = replace(step, **changes)  # type: ignore[arg-type]
        self.steps.append(step)
        return step


def read(producer: Step, output: str, name: str = "", index: int = 0) -> Input:
    """``output`` of ``producer`` as the input ``name`` of another step."""
    made = next(o for o in producer.outputs if (o.name, o.index) == (output, index))
    return Input(
        name or output,
        0,
        made.artifact,
        InputOrigin.STEP,
        producer=producer.id,
        output=output,
        output_index=index,
    )


def source(data: bytes, name: str = "raw", uri: str = "") -> Input:
    return Input(name, 0, artifact(data, uri), InputOrigin.SOURCE)


def imported(data: bytes, name: str = "imported", uri: str = "") -> Input:
    return Input(name, 0, artifact(data, uri), InputOrigin.IMPORTED)


@dataclass(frozen=True)
class Recorded:
    """A recorded run and what its signing step was given."""

    reader: MemoryReader
    subjects: tuple[Input, ...]
    run: str = "run-1"

    def chain(self, roots: Sequence[Root] = ()) -> Chain:
        return collect_chain(self.reader, self.subjects, run=self.run, roots=roots)


METRICS = b'{"accuracy":"0.93"}'


def tabular_run(run: str = "run-1", model: bytes = b"model", raw: bytes = b"raw") -> Recorded:
    """ingest -> preprocess -> train -> evaluate, with a diamond over preprocess."""
    build = RunBuilder(run)
    tag = run.encode()
    ingest = build.step("ingest", inputs=[source(raw)], outputs={"table": b"table" + raw})
    split = build.step(
        "preprocess",
        inputs=[read(ingest, "table")],
        outputs={"train_set": b"train" + tag, "test_set": b"test" + tag},
    )
    train = build.step("train", inputs=[read(split, "train_set")], outputs={"model": model})
    evaluate = build.step(
        "evaluate",
        inputs=[read(train, "model"), read(split, "test_set")],
        outputs={"metrics": artifact(METRICS, kind=ArtifactKind.VALUES)},
    )
    subjects = (read(train, "model"), read(evaluate, "metrics"))
    return Recorded(MemoryReader(build.steps), subjects, run)


def linear_run(length: int) -> Recorded:
    """A chain of ``length`` steps."""
    build = RunBuilder(start=START - timedelta(minutes=length))
    last = build.step("step0", inputs=[source(b"raw")], outputs={"out": b"0"})
    for number in range(1, length):
        last = build.step(
            f"step{number}", inputs=[read(last, "out")], outputs={"out": f"{number}".encode()}
        )
    return Recorded(MemoryReader(build.steps), (read(last, "out", "model"),))


def key_pair(folder: Path, name: str = "signer") -> tuple[KeySigner, bytes]:
    """A new signer and its public key."""
    private = folder / f"{name}.key"
    public = new_key(private, folder / f"{name}.pub", None, unencrypted=True)
    return open_signer(f"file:{private}"), public.pem


def signed(
    chain: Chain,
    signer: KeySigner,
    now: datetime = NOW,
    rehash: Rehash | None = None,
    builder: str = IN_RUN_BUILDER,
) -> bytes:
    """The bundle of a chain."""
    return sign_chain(
        chain,
        signer,
        environments={ENVIRONMENT.digest: ENVIRONMENT},
        rehash=rehash or Rehash(),
        now=now,
        builder=builder,
    )
