"""Steps to record: one plain maker, and strategies for any step at all."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

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
    Step,
    StepFailure,
)

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def digest(text: str) -> Digest:
    return Digest(hashlib.sha256(text.encode()).hexdigest())


ENVIRONMENT = Environment(
    digest("CPython 3.11.7 linux-x86_64\nkfp==2.13.0\nzlib==1\n"),
    "CPython 3.11.7 linux-x86_64",
    ("kfp==2.13.0", "zlib==1"),
)


def artifact(name: str, **changes: Any) -> Artifact:
    facts: dict[str, Any] = {
        "digest": digest(name),
        "uri": f"/data/{name}",
        "kind": ArtifactKind.FILE,
        "size": 1234,
        "type": "system.Dataset",
    }
    return Artifact(**{**facts, **changes})


def step(run: str = "run-1", task: str = "train", **changes: Any) -> Step:
    facts: dict[str, Any] = {
        "id": f"{run}/{task}/1",
        "run": run,
        "task": task,
        "pipeline": "churn",
        "component": ComponentReference(
            "churn.steps.train", "1.2", digest("source"), "img@sha256:1"
        ),
        "environment": ENVIRONMENT.digest,
        "started": START,
        "finished": START + timedelta(seconds=3),
        "outcome": Outcome.SUCCEEDED,
        "parameters": (
            Parameter("alpha", "0.1"),
            Parameter("token", keyed_digest="hmac-sha256:k:0"),
        ),
        "outputs": (Output("model", 0, artifact(f"{run}/{task}/model")),),
        "runtime_version": "0.1.0",
    }
    return Step(**{**facts, **changes})


def chain(run: str, length: int, start: datetime = START) -> list[Step]:
    """Steps of which each reads the output of the one before and one common root."""
    root = Input("root", 0, artifact("root"), InputOrigin.SOURCE)
    steps: list[Step] = []
    for number in range(length):
        inputs = (root,)
        if steps:
            before = steps[-1]
            inputs = (
                Input(
                    "data", 0, before.outputs[0].artifact, InputOrigin.STEP, before.id, "model", 0
                ),
                root,
            )
        moment = start + timedelta(seconds=number)
        steps.append(step(run, f"task-{number}", inputs=inputs, started=moment, finished=moment))
    return steps


_safe = st.characters(exclude_categories=("Cs",), exclude_characters="\0")
texts = st.text(_safe, max_size=20).filter(
    lambda t: t != "__MLMD_NULL__" and not t.startswith("mlmd-struct::")
)
names = texts.filter(bool)
digests = st.binary(min_size=32, max_size=32).map(lambda b: Digest(b.hex()))
times = st.datetimes(
    min_value=datetime(1900, 1, 1),  # noqa: DTZ001
    max_value=datetime(2200, 1, 1),  # noqa: DTZ001
    timezones=st.just(UTC),
)
sizes = st.one_of(st.integers(0, 2**63), st.sampled_from([2**31 - 1, 2**31, 2**53 + 1]))
artifacts = st.builds(
    Artifact, digests, texts, st.sampled_from(ArtifactKind), sizes, texts, texts, texts
)
parameters = st.lists(
    st.builds(Parameter, names, st.one_of(texts, st.sampled_from(["3e-7", "NaN", "1e400"])), texts),
    max_size=4,
).map(tuple)
places = st.lists(st.tuples(names, st.integers(0, 3)), max_size=4, unique=True).map(sorted)


@st.composite
def any_step(draw: st.DrawFn) -> Step:
    shared = draw(st.lists(artifacts, min_size=1, max_size=2))
    some = st.one_of(st.sampled_from(shared), artifacts)
    return Step(
        id=draw(names),
        run=draw(names),
        task=draw(names),
        pipeline=draw(names),
        component=draw(st.builds(ComponentReference, texts, texts, digests, texts)),
        environment=ENVIRONMENT.digest,
        started=draw(times),
        finished=draw(times),
        outcome=draw(st.sampled_from(Outcome)),
        pipeline_digest=draw(texts),
        namespace=draw(texts),
        attempt=draw(st.integers(1, 10**6)),
        code=draw(st.none() | st.builds(CodeState, texts, st.booleans(), texts)),
        parameters=draw(parameters),
        results=draw(parameters),
        inputs=tuple(
            draw(st.builds(Input, st.just(name), st.just(index), some,
                           st.sampled_from(InputOrigin), texts, texts, st.integers(0, 9)))
            for name, index in draw(places)
        ),
        outputs=tuple(Output(name, index, draw(some)) for name, index in draw(places)),
        failure=draw(st.none() | st.builds(StepFailure, texts, texts)),
        runtime_version=draw(texts),
    )  # fmt: skip
