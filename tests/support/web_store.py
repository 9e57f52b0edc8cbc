"""A store with everything that the web page shows: signed, forged, unsigned, failed, hostile."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

from kfp_provenance.facts import (
    Artifact,
    ArtifactKind,
    Input,
    InputOrigin,
    Outcome,
    Parameter,
    Step,
    StepFailure,
)
from kfp_provenance.lineage import collect_chain
from kfp_provenance.metadata import open_recorder
from kfp_provenance.signing import KeySigner
from support.chains import (
    ENVIRONMENT,
    START,
    MemoryReader,
    RunBuilder,
    digest,
    key_pair,
    read,
    signed,
)

HOSTILE = "<script>alert('x')</script>"
TURNED = "good\u202eledom"
"""A name that reads backwards from its middle on."""


@dataclass(frozen=True)
class WebStore:
    """The store, and what is in it.

    Attributes:
        folder: Of everything.
        uri: Of the store.
        key: PEM of the signer to trust.
        good: Digest of a model with a bundle of this signer, like the ones below.
        forged: Of one that somebody else signed.
        unsigned: Of one without a bundle.
        hostile: Of one whose names are markup.
        raw: Of the data that all runs read.
    """

    folder: Path
    uri: str
    key: Path
    good: str
    forged: str
    unsigned: str
    hostile: str
    raw: str


def kept(
    name: str, kind: str, *, uri: str = "", metadata: Mapping[str, object] | None = None
) -> Artifact:
    """An artifact of a type; its bytes are its name."""
    data = name.encode()
    text = json.dumps(metadata or {}, sort_keys=True) if metadata else ""
    return Artifact(
        digest(data), uri or f"gs://bucket/{digest(data).short}", ArtifactKind.FILE,
        1000 + len(data), type=kind, metadata=text,
    )  # fmt: skip


def training_run(
    run: str, minutes: int, *, rate: str, model: Artifact, name: str = "model"
) -> tuple[RunBuilder, list[Input]]:
    """Four steps from the raw data to the metrics of a model, and what is to be signed."""
    build = RunBuilder(run, start=START + timedelta(minutes=minutes))
    raw = kept("raw", "system.Artifact", uri="https://data.example/flights.csv")
    source = Input("source", 0, raw, InputOrigin.SOURCE)
    ingest = build.step(
        "ingest", inputs=[source], outputs={"table": kept("table", "system.Dataset")}
    )
    split = build.step(
        "preprocess",
        inputs=[read(ingest, "table")],
        outputs={
            "train_set": kept(f"train {rate}", "system.Dataset"),
            "test_set": kept("test", "system.Dataset"),
        },
        parameters=(
            Parameter("rate", value=rate),
            Parameter("token", keyed_digest="hmac-sha256:k:0"),
        ),
    )
    train = build.step("train", inputs=[read(split, "train_set")], outputs={name: model})
    values = f'{{"accuracy":0.9{len(rate)},"roc_auc":0.97}}'.encode()
    metrics = Artifact(
        digest(values), f"gs://bucket/{run}/metrics", ArtifactKind.VALUES, len(values),
        type="system.Metrics", metadata=values.decode(),
    )  # fmt: skip
    evaluate = build.step(
        "evaluate",
        inputs=[read(train, name, "model"), read(split, "test_set")],
        outputs={"metrics": metrics},
    )
    return build, [read(train, name, "model"), read(evaluate, "metrics")]


def make_web_store(folder: Path) -> WebStore:
    """Record and sign everything; a second or two."""
    folder.mkdir(parents=True, exist_ok=True)
    signer, _ = key_pair(folder, "signer")
    stranger, _ = key_pair(folder, "stranger")
    good = kept("good", "system.Model", metadata={"framework": "scikit-learn"})
    forged, unsigned = kept("forged", "system.Model"), kept("unsigned", "system.Model")
    hostile = kept(
        "hostile", "system.Model", uri=f"javascript:{HOSTILE}", metadata={HOSTILE: HOSTILE}
    )
    runs = []
    for number, (run, model, who, rate) in enumerate(
        (("run-good", good, signer, "0.5"), ("run-forged", forged, stranger, "0.25"),
         ("run-unsigned", unsigned, None, "0.125"))
    ):  # fmt: skip
        build, subjects = training_run(run, number * 60, rate=rate, model=model)
        if who is not None:
            _sign(folder, build, subjects, who)
        runs.append(build)
    build, _ = training_run(f"run/{HOSTILE}", 240, rate=HOSTILE, model=hostile, name=TURNED)
    runs += [build, _failed_run(), _wide_run()]
    uri = f"sqlite:{folder / 'metadata.db'}"
    with closing(open_recorder(uri)) as recorder:
        for step in (step for build in runs for step in build.steps):
            recorder.record(step, ENVIRONMENT)
    return WebStore(
        folder, uri, folder / "signer.pub",
        *(str(a.digest) for a in (good, forged, unsigned, hostile)), raw=str(digest(b"raw")),
    )  # fmt: skip


def _sign(folder: Path, build: RunBuilder, subjects: Sequence[Input], signer: KeySigner) -> None:
    """The step that signs, as the component does: it wrote a bundle."""
    chain = collect_chain(MemoryReader(build.steps), subjects, run=build.run)
    data = signed(chain, signer)
    file = folder / f"{build.run}.bundle"
    file.write_bytes(data)
    bundle = Artifact(digest(data), str(file), ArtifactKind.FILE, len(data))
    model, metrics = subjects
    evidence = replace(metrics, name="evidence_1")
    build.step("sign", inputs=[model, evidence], outputs={"bundle": bundle})


def _failed_run() -> RunBuilder:
    build = RunBuilder("run-failed", start=START + timedelta(minutes=300))
    ingest = build.step("ingest", outputs={"table": kept("other table", "system.Dataset")})
    build.step(
        "train",
        inputs=[read(ingest, "table")],
        outcome=Outcome.FAILED,
        failure=StepFailure("ValueError", f"no rows {HOSTILE}"),
    )
    return build


def _wide_run(parts: int = 30) -> RunBuilder:
    """One step writes more than can be drawn one by one."""
    build = RunBuilder("run-wide", start=START + timedelta(minutes=360))
    outputs = {f"part_{n}": kept(f"part {n}", "system.Dataset") for n in range(parts)}
    split = build.step("split", outputs=outputs)
    steps: list[Step] = [
        build.step(f"train-{n}", inputs=[read(split, f"part_{n}", "data")],
                   outputs={"model": kept(f"small {n}", "system.Model")})
        for n in range(3)
    ]  # fmt: skip
    assert steps
    return build
