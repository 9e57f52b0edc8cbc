"""The signed chain against a rewritten store and changed bytes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from kfp_provenance.codes import Code
from kfp_provenance.errors import StorageError
from kfp_provenance.facts import ArtifactKind, Outcome, Output, Parameter, Step
from kfp_provenance.verify import (
    ChainView,
    Trust,
    compare_stored_bytes,
    compare_with_store,
    verify_bundle,
)
from support.chains import (
    NOW,
    Content,
    MemoryReader,
    artifact,
    content,
    digest,
    imported,
    key_pair,
    signed,
    tabular_run,
)


@pytest.fixture(scope="module")
def view(tmp_path_factory: pytest.TempPathFactory) -> ChainView:
    signer, public = key_pair(tmp_path_factory.mktemp("keys"))
    bundle = signed(tabular_run().chain(), signer)
    found = verify_bundle(bundle, Trust.for_key(public), content(b"model"), now=NOW).view
    assert found is not None
    return found


def test_the_record_that_was_signed_holds(view: ChainView) -> None:
    assert compare_with_store(view, tabular_run().reader).findings == ()


def test_an_emptied_store_misses_every_step(view: ChainView) -> None:
    findings = compare_with_store(view, MemoryReader([])).findings
    assert [finding.code for finding in findings] == [Code.STORE_STEP_MISSING] * 4


def other_input(step: Step) -> Step:
    return replace(step, inputs=(replace(step.inputs[0], artifact=artifact(b"evil")),))


def other_producer(step: Step) -> Step:
    return replace(step, inputs=(replace(step.inputs[0], producer="run-1/evil"),))


@pytest.mark.parametrize(
    ("change", "field"),
    [
        (lambda s: replace(s, run="run-2"), "run"),
        (lambda s: replace(s, pipeline_digest=""), "pipeline_digest"),
        (lambda s: replace(s, namespace="team-b"), "namespace"),
        (lambda s: replace(s, attempt=2), "attempt"),
        (lambda s: replace(s, code=None), "code"),
        (lambda s: replace(s, environment=digest(b"?")), "environment"),
        (lambda s: replace(s, outcome=Outcome.FAILED), "outcome"),
        (lambda s: replace(s, started=s.started + timedelta(microseconds=1)), "started"),
        (lambda s: replace(s, component=replace(s.component, image="evil")), "component.image"),
        (lambda s: replace(s, parameters=s.parameters[:1]), "parameters.seed"),
        (
            lambda s: replace(s, parameters=(*s.parameters[:1], Parameter("seed", value="8"))),
            "parameters.seed",
        ),
        (lambda s: replace(s, results=(Parameter("r", value="1"),)), "results.r"),
        (other_producer, "inputs.train_set.producer"),
        (lambda s: replace(s, inputs=()), "inputs.train_set"),
        (lambda s: replace(s, inputs=(*s.inputs, imported(b"x"))), "inputs.imported"),
        (
            lambda s: replace(s, outputs=(*s.outputs, Output("more", 0, artifact(b"x")))),
            "outputs.more",
        ),
        (lambda s: replace(s, outputs=()), "outputs.model"),
    ],
)
def test_a_rewritten_field_is_named(
    view: ChainView, change: Callable[[Step], Step], field: str
) -> None:
    reader = tabular_run().reader
    reader.steps["run-1/train"] = change(reader.steps["run-1/train"])
    (finding,) = compare_with_store(view, reader).findings
    assert (finding.code, finding.artifact) == (Code.STORE_STEP_DIFFERS, field)
    assert "train" in finding.step
    assert finding.expected != finding.found


def test_a_rewritten_digest_is_shown_with_both_values(view: ChainView) -> None:
    reader = tabular_run().reader
    reader.steps["run-1/train"] = other_input(reader.steps["run-1/train"])
    findings = {f.artifact: f for f in compare_with_store(view, reader).findings}
    finding = findings["inputs.train_set.digest"]
    assert (finding.expected, finding.found) == (
        str(digest(b"trainrun-1")),
        str(digest(b"evil")),
    )


def test_numbers_that_are_equal_are_no_difference(view: ChainView) -> None:
    reader = tabular_run().reader
    step = reader.steps["run-1/train"]
    spelled = (Parameter("rate", value="0.50"), Parameter("seed", value=" 7 "))
    reader.steps[step.id] = replace(step, parameters=spelled)
    assert compare_with_store(view, reader).passed


def test_stored_bytes_are_compared(view: ChainView, tmp_path: Path) -> None:
    held = {a.uri: Content(a.digest, a.kind) for a in view.artifacts()}

    def hash_uri(uri: str, kind: ArtifactKind) -> Content:
        if uri not in held:
            raise StorageError(Code.OBJECT_MISSING, "gone")
        return held[uri]

    assert compare_stored_bytes(view, hash_uri).passed
    lost, raw = next(iter(held)), artifact(b"raw").uri
    held[raw] = content(b"overwritten")
    del held[lost]
    verdict = compare_stored_bytes(view, hash_uri)
    assert [(f.code, f.artifact) for f in verdict.findings] == [(Code.STORED_BYTES_CHANGED, raw)]
    assert [(n.code, n.artifact) for n in verdict.notes] == [(Code.STORED_BYTES_UNREAD, lost)]
