"""Chains of plain facts, and what comes of aligning two of them."""

from __future__ import annotations

from collections.abc import Sequence

from kfp_provenance.analysis.diffing.align import Alignment, SubjectPair, align
from kfp_provenance.analysis.diffing.history import Given, History, Place
from kfp_provenance.analysis.diffing.routes import FirstDivergence, first_divergences
from kfp_provenance.facts import Step
from support.chains import RunBuilder, read, source


def compared(
    before: Sequence[Step], after: Sequence[Step], output: str = "model"
) -> tuple[Alignment, tuple[FirstDivergence, ...]]:
    """Compare what the last steps of two chains wrote."""
    subject = SubjectPair(output, subject_of(before, output), subject_of(after, output))
    found = align((History(before), History(after)), [subject])
    return found, first_divergences(found)


def subject_of(steps: Sequence[Step], output: str) -> Given:
    made = next(made for made in steps[-1].outputs if made.name == output)
    return Given(made.artifact, Place(steps[-1], made.name, made.index), output)


def tabular(
    run: str, raw: bytes = b"raw", model: bytes = b"model", **of_tasks: object
) -> list[Step]:
    """ingest -> preprocess -> train; ``raw`` goes on into the data, ``model`` into the model."""
    build = RunBuilder(run)
    ingest = build.step("ingest", inputs=[source(raw)], outputs={"table": b"table " + raw})
    data = build.step(
        "preprocess", inputs=[read(ingest, "table")],
        outputs={"train_set": b"train " + raw, "test_set": b"test " + raw},
    )  # fmt: skip
    build.step("train", inputs=[read(data, "train_set")], outputs={"model": model + raw})
    return build.steps


def routes(first: FirstDivergence) -> list[str]:
    return [" > ".join(way) for way in first.routes.tasks]
