"""Walking the store upstream: what is a chain, and what is named as broken."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kfp_provenance.codes import Code
from kfp_provenance.errors import StoreError
from kfp_provenance.facts import ArtifactKind, Input, InputOrigin, Outcome, Output, Run, Step
from kfp_provenance.lineage import Chain, DeclaredBy, Root, collect_chain
from support.chains import (
    MemoryReader,
    Recorded,
    RunBuilder,
    artifact,
    digest,
    imported,
    linear_run,
    read,
    source,
    tabular_run,
)


def codes(chain: Chain) -> list[Code]:
    return [finding.code for finding in chain.findings]


def changed(recorded: Recorded, step_id: str, **changes: object) -> Recorded:
    """The same record with one step rewritten."""
    steps = dict(recorded.reader.steps)
    steps[step_id] = replace(steps[step_id], **changes)  # type: ignore[arg-type]
    return replace(recorded, reader=MemoryReader(steps.values()))


def test_a_run_is_collected_with_producers_first() -> None:
    chain = tabular_run().chain()
    assert codes(chain) == []
    assert [step.task for step in chain.steps] == ["ingest", "preprocess", "train", "evaluate"]
    assert [subject.name for subject in chain.subjects] == ["model", "metrics"]
    assert chain.subjects[0].producer == "run-1/train"
    assert (chain.pipeline, chain.reused_runs) == ("tabular-training", ())


def test_a_source_is_a_root_declared_by_its_step() -> None:
    (root,) = tabular_run().chain().roots
    assert (root.step, root.input, root.declared_by) == ("run-1/ingest", "raw", DeclaredBy.STEP)
    assert root.digest == digest(b"raw")


def test_what_should_be_stored_are_all_outputs_and_the_roots() -> None:
    chain = tabular_run().chain()
    stored = [a.digest for a in chain.artifacts()]
    assert stored[-1] == digest(b"raw")
    assert stored[:-1] == [o.artifact.digest for step in chain.steps for o in step.outputs]


def test_steps_that_the_subjects_do_not_come_from_are_left_out() -> None:
    recorded = tabular_run()
    only_model = collect_chain(recorded.reader, recorded.subjects[:1], run="run-1")
    assert "evaluate" not in [step.task for step in only_model.steps]


def test_a_missing_producer_is_named() -> None:
    recorded = tabular_run()
    del recorded.reader.steps["run-1/preprocess"]
    chain = recorded.chain()
    assert codes(chain) == [Code.CHAIN_STEP_MISSING] * 2
    assert {finding.artifact for finding in chain.findings} == {"train_set", "test_set"}


def test_a_failed_producer_is_refused_although_its_output_fits() -> None:
    recorded = changed(tabular_run(), "run-1/ingest", outcome=Outcome.FAILED)
    assert codes(recorded.chain()) == [Code.CHAIN_STEP_FAILED]


def test_a_rewritten_output_digest_is_found_at_every_reader() -> None:
    outputs = (
        Output("train_set", 0, artifact(b"other")),
        Output("test_set", 0, artifact(b"testrun-1")),
    )
    chain = changed(tabular_run(), "run-1/preprocess", outputs=outputs).chain()
    assert codes(chain) == [Code.CHAIN_INPUT_MISMATCH]
    finding = chain.findings[0]
    assert "train (run-1/train)" in finding.step
    assert str(digest(b"other")) in finding.expected
    assert str(digest(b"trainrun-1")) in finding.found


def test_a_renamed_output_is_a_mismatch_although_the_digest_exists() -> None:
    recorded = tabular_run()
    outputs = tuple(
        replace(output, name=name)
        for output, name in zip(
            recorded.reader.steps["run-1/preprocess"].outputs,
            ("test_set", "train_set"),
            strict=True,
        )
    )
    chain = changed(recorded, "run-1/preprocess", outputs=outputs).chain()
    assert codes(chain) == [Code.CHAIN_INPUT_MISMATCH] * 2


def test_a_file_with_the_text_of_a_listing_is_not_the_directory() -> None:
    build = RunBuilder()
    folder = artifact(b"listing", kind=ArtifactKind.DIRECTORY)
    made = build.step("make", outputs={"data": folder})
    given = replace(read(made, "data"), artifact=artifact(b"listing"))
    use = build.step("use", inputs=[given], outputs={"model": b"m"})
    recorded = Recorded(MemoryReader(build.steps), (read(use, "model"),))
    assert codes(recorded.chain()) == [Code.CHAIN_INPUT_MISMATCH]


def imported_run(*, data: bytes = b"table", producer: bytes = b"table") -> Recorded:
    """A step reads what KFP handed over without a digest."""
    build = RunBuilder()
    build.step("make", inputs=[source(b"raw")], outputs={"table": producer})
    train = build.step("train", inputs=[imported(data, "table")], outputs={"model": b"m"})
    return Recorded(MemoryReader(build.steps), (read(train, "model"),))


def test_an_imported_input_is_joined_by_digest_within_its_run() -> None:
    chain = imported_run().chain()
    assert codes(chain) == []
    (join,) = chain.joins
    assert (join.step, join.producer, join.output) == ("run-1/train", "run-1/make", "table")
    assert [step.task for step in chain.steps] == ["make", "train"]


def test_an_imported_input_that_nobody_made_must_be_declared() -> None:
    recorded = imported_run(data=b"elsewhere")
    assert codes(recorded.chain()) == [Code.CHAIN_INPUT_UNDECLARED]
    for declared in (str(digest(b"elsewhere")), artifact(b"elsewhere").uri):
        chain = recorded.chain([Root.parse(declared)])
        assert codes(chain) == []
        assert [root.declared_by for root in chain.roots] == [DeclaredBy.SIGNER]


@pytest.mark.parametrize("near", ["gs://bucket/", "gs://bucket/*", "sha256:" + "0" * 64])
def test_a_root_is_exact(near: str) -> None:
    chain = imported_run(data=b"elsewhere").chain([Root.parse(near)])
    assert codes(chain) == [Code.CHAIN_INPUT_UNDECLARED]


def test_a_join_never_goes_to_a_step_that_came_later() -> None:
    build = RunBuilder()
    first = build.step("first", inputs=[imported(b"same")], outputs={"copy": b"same"})
    second = build.step("second", inputs=[read(first, "copy")], outputs={"copy": b"same"})
    recorded = Recorded(MemoryReader(build.steps), (read(second, "copy"),))
    assert codes(recorded.chain()) == [Code.CHAIN_INPUT_UNDECLARED]
    assert codes(recorded.chain([Root(digest=digest(b"same"))])) == []


def test_a_join_does_not_leave_the_run() -> None:
    other = RunBuilder("run-0")
    made = other.step("make", outputs={"table": b"table"})
    build = RunBuilder()
    train = build.step("train", inputs=[imported(b"table")], outputs={"model": b"m"})
    recorded = Recorded(MemoryReader([made, *build.steps]), (read(train, "model"),))
    assert codes(recorded.chain()) == [Code.CHAIN_INPUT_UNDECLARED]


def test_a_cached_step_of_an_earlier_run_is_named() -> None:
    earlier = RunBuilder("run-0")
    ingest = earlier.step("ingest", inputs=[source(b"raw")], outputs={"table": b"t"})
    build = RunBuilder("run-1")
    train = build.step("train", inputs=[read(ingest, "table")], outputs={"model": b"m"})
    recorded = Recorded(MemoryReader([ingest, train]), (read(train, "model"),))
    chain = recorded.chain()
    assert (codes(chain), chain.reused_runs) == ([], ("run-0",))


def test_a_run_that_came_wholly_from_the_cache_has_a_chain() -> None:
    recorded = replace(tabular_run("run-0"), run="run-1")
    chain = recorded.chain()
    assert (codes(chain), chain.reused_runs) == ([], ("run-0",))
    assert chain.pipeline == "tabular-training"


def test_a_model_that_no_step_made_is_no_subject() -> None:
    subject = imported(b"model from nowhere", "model")
    chain = collect_chain(MemoryReader([]), [subject], run="run-1")
    assert codes(chain) == [Code.SUBJECT_UNKNOWN]
    assert chain.subjects == ()


def test_an_imported_model_is_joined_to_the_step_that_made_it() -> None:
    recorded = tabular_run(model=b"model")
    chain = collect_chain(recorded.reader, [imported(b"model", "model")], run="run-1")
    assert (codes(chain), chain.subjects[0].producer) == ([], "run-1/train")


def test_a_cycle_is_named_and_ends() -> None:
    build = RunBuilder()
    one = build.step("one", outputs={"out": b"1"})
    two = build.step("two", inputs=[read(one, "out")], outputs={"out": b"2"})
    recorded = Recorded(MemoryReader(build.steps), (read(two, "out"),))
    chain = changed(recorded, one.id, inputs=(read(two, "out", "back"),)).chain()
    assert codes(chain) == [Code.CHAIN_CYCLE]
    assert "one" in chain.findings[0].step
    assert "two" in chain.findings[0].step


def test_steps_of_one_run_must_name_one_pipeline() -> None:
    chain = changed(tabular_run(), "run-1/ingest", pipeline_digest="sha256:other").chain()
    assert set(codes(chain)) == {Code.CHAIN_PIPELINE_MISMATCH}


def test_everything_that_is_wrong_is_found_at_once() -> None:
    recorded = changed(tabular_run(), "run-1/ingest", outcome=Outcome.FAILED)
    recorded = changed(recorded, "run-1/evaluate", namespace="team-b")
    assert set(codes(recorded.chain())) == {
        Code.CHAIN_STEP_FAILED,
        Code.CHAIN_PIPELINE_MISMATCH,
    }


def test_depth_has_no_limit_but_the_length_of_a_bundle() -> None:
    assert codes(linear_run(4095).chain()) == []
    assert codes(linear_run(4096).chain()) == [Code.BUNDLE_TOO_LARGE]


def test_a_list_of_artifacts_is_told_apart_by_position() -> None:
    build = RunBuilder()
    parts = build.step("split")
    parts = replace(parts, outputs=tuple(Output("parts", i, artifact(b"%d" % i)) for i in range(3)))
    given = [replace(read(parts, "parts", index=i), index=i) for i in range(3)]
    join = build.step("join", inputs=given, outputs={"model": b"m"})
    chain = Recorded(MemoryReader([parts, join]), (read(join, "model"),)).chain()
    assert codes(chain) == []
    lying = replace(given[0], output_index=1)
    bad = replace(join, inputs=(lying, *given[1:]))
    chain = Recorded(MemoryReader([parts, bad]), (read(join, "model"),)).chain()
    assert codes(chain) == [Code.CHAIN_INPUT_MISMATCH]


def test_an_unreachable_store_is_not_an_empty_run() -> None:
    class Broken(MemoryReader):
        def run(self, run_id: str) -> Run:
            raise StoreError(Code.STORE_UNREACHABLE, "down", where=run_id)

    with pytest.raises(StoreError):
        collect_chain(Broken([]), [imported(b"x")], run="run-1")


def test_an_input_without_a_producer_id_is_missing_its_step() -> None:
    def anonymous(step: Step) -> Input:
        return replace(read(step, "table"), producer="")

    build = RunBuilder()
    made = build.step("make", outputs={"table": b"t"})
    train = build.step("train", inputs=[anonymous(made)], outputs={"model": b"m"})
    chain = Recorded(MemoryReader(build.steps), (read(train, "model"),)).chain()
    assert codes(chain) == [Code.CHAIN_STEP_MISSING]
    assert train.inputs[0].origin is InputOrigin.STEP
