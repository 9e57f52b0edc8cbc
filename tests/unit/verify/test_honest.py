"""What is honest passes, and the independent verifier agrees."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest

from kfp_provenance.facts import ArtifactKind
from kfp_provenance.lineage import Rehash, Root, StoredBytes, UnreadArtifact
from kfp_provenance.signing import Signer
from kfp_provenance.verify import Trust, verify_bundle
from support import independent_verifier
from support.chains import (
    NOW,
    Content,
    MemoryReader,
    Recorded,
    RunBuilder,
    artifact,
    content,
    digest,
    imported,
    key_pair,
    linear_run,
    read,
    signed,
    source,
    tabular_run,
)


@dataclass(frozen=True)
class Keys:
    signer: Signer
    public: bytes


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Keys:
    return Keys(*key_pair(tmp_path_factory.mktemp("keys")))


def cached_step() -> Recorded:
    earlier = RunBuilder("run-0")
    ingest = earlier.step("ingest", inputs=[source(b"raw")], outputs={"table": b"t"})
    train = RunBuilder("run-1").step(
        "train", inputs=[read(ingest, "table")], outputs={"model": b"model"}
    )
    return Recorded(MemoryReader([ingest, train]), (read(train, "model"),))


def whole_run_cached() -> Recorded:
    return replace(tabular_run("run-0"), run="run-1")


def two_producers_of_equal_bytes() -> Recorded:
    build = RunBuilder()
    one = build.step("one", inputs=[source(b"raw")], outputs={"table": b"same"})
    two = build.step("two", inputs=[source(b"raw")], outputs={"table": b"same"})
    train = build.step(
        "train",
        inputs=[read(one, "table", "a"), read(two, "table", "b")],
        outputs={"model": b"model"},
    )
    return Recorded(MemoryReader(build.steps), (read(train, "model"),))


def shared_dataset() -> Recorded:
    build = RunBuilder()
    data = build.step("data", inputs=[source(b"raw")], outputs={"table": b"t"})
    parts = [
        build.step(f"fit{n}", inputs=[read(data, "table")], outputs={"part": b"%d" % n})
        for n in range(5)
    ]
    merge = build.step(
        "merge",
        inputs=[read(part, "part", f"part{n}") for n, part in enumerate(parts)],
        outputs={"model": b"model"},
    )
    return Recorded(MemoryReader(build.steps), (read(merge, "model"),))


def step_that_changes_nothing() -> Recorded:
    build = RunBuilder()
    make = build.step("make", inputs=[source(b"raw")], outputs={"model": b"model"})
    check = build.step("check", inputs=[read(make, "model")], outputs={"model": b"model"})
    return Recorded(MemoryReader(build.steps), (read(check, "model"),))


def joined_input() -> Recorded:
    build = RunBuilder()
    build.step("make", inputs=[source(b"raw")], outputs={"table": b"table"})
    train = build.step("train", inputs=[imported(b"table")], outputs={"model": b"model"})
    return Recorded(MemoryReader(build.steps), (read(train, "model"),))


def model_without_inputs() -> Recorded:
    build = RunBuilder()
    train = build.step("train", outputs={"model": b"model"})
    return Recorded(MemoryReader(build.steps), (read(train, "model"),))


def source_named_like_an_input() -> Recorded:
    build = RunBuilder()
    make = build.step("make", inputs=[source(b"raw")], outputs={"data": b"d"})
    train = build.step(
        "train", inputs=[read(make, "data"), source(b"extra", "data")], outputs={"model": b"model"}
    )
    return Recorded(MemoryReader(build.steps), (read(train, "model"),))


@pytest.mark.parametrize(
    "record",
    [
        tabular_run,
        cached_step,
        whole_run_cached,
        two_producers_of_equal_bytes,
        shared_dataset,
        step_that_changes_nothing,
        joined_input,
        model_without_inputs,
        source_named_like_an_input,
    ],
)
def test_an_honest_chain_passes_here_and_elsewhere(
    record: Callable[[], Recorded], keys: Keys
) -> None:
    chain = record().chain()
    assert chain.findings == ()
    bundle = signed(chain, keys.signer)
    result = verify_bundle(bundle, Trust.for_key(keys.public), content(b"model"), now=NOW)
    assert result.verdict.findings == ()
    assert result.view is not None
    assert [step.id for step in chain.steps] == list(result.view.steps)
    roots = independent_verifier.walk(bundle, keys.public, digest(b"model").hex)
    assert roots == sorted({root.digest.hex for root in chain.roots})


def test_a_declared_root_passes(keys: Keys) -> None:
    build = RunBuilder()
    train = build.step("train", inputs=[imported(b"t")], outputs={"model": b"model"})
    recorded = Recorded(MemoryReader([train]), (read(train, "model"),))
    bundle = signed(recorded.chain([Root(digest=digest(b"t"))]), keys.signer)
    assert verify_bundle(
        bundle, Trust.for_key(keys.public), content(b"model"), now=NOW
    ).verdict.passed
    assert independent_verifier.walk(bundle, keys.public, digest(b"model").hex) == [
        digest(b"t").hex
    ]


def test_a_directory_passes_as_a_directory_only(keys: Keys) -> None:
    build = RunBuilder()
    folder = artifact(b"listing", kind=ArtifactKind.DIRECTORY)
    train = build.step("train", outputs={"model": folder})
    bundle = signed(Recorded(MemoryReader([train]), (read(train, "model"),)).chain(), keys.signer)
    trust = Trust.for_key(keys.public)
    directory = Content(digest(b"listing"), ArtifactKind.DIRECTORY)
    assert verify_bundle(bundle, trust, directory, now=NOW).verdict.passed
    assert not verify_bundle(bundle, trust, content(b"listing"), now=NOW).verdict.passed


def test_evidence_is_verified_by_its_name_and_never_passes_for_the_model(keys: Keys) -> None:
    recorded = tabular_run()
    bundle = signed(recorded.chain(), keys.signer)
    metrics = recorded.subjects[1].artifact
    observed = Content(metrics.digest, metrics.kind)
    trust = Trust.for_key(keys.public)
    assert verify_bundle(bundle, trust, observed, now=NOW, subject_name="metrics").verdict.passed
    (finding,) = verify_bundle(bundle, trust, observed, now=NOW).verdict.findings
    assert finding.code == "SUBJECT_MISMATCH"
    assert "metrics" in finding.remedy


def test_years_later_and_with_a_clock_a_little_behind_it_still_passes(keys: Keys) -> None:
    bundle = signed(tabular_run().chain(), keys.signer)
    trust = Trust.for_key(keys.public)
    for now in (NOW - timedelta(minutes=4), NOW + timedelta(days=4000)):
        assert verify_bundle(bundle, trust, content(b"model"), now=now).verdict.passed


def test_bytes_that_were_not_read_are_a_note_that_names_the_artifact(keys: Keys) -> None:
    chain = tabular_run().chain()
    table = chain.steps[0].outputs[0].artifact
    rehash = Rehash(StoredBytes(unread=(UnreadArtifact(table.digest, table.uri, "gone"),)))
    bundle = signed(chain, keys.signer, rehash=rehash)
    result = verify_bundle(bundle, Trust.for_key(keys.public), content(b"model"), now=NOW)
    assert result.verdict.passed
    (note,) = result.verdict.notes
    assert (note.artifact, note.found) == ("table", "gone")
    assert "ingest" in note.step


@pytest.mark.parametrize("change", [b"gs://", b"PASSED", b"model"])
def test_the_independent_verifier_can_refuse(keys: Keys, change: bytes) -> None:
    bundle = signed(tabular_run().chain(), keys.signer)
    other = bytes(b ^ 1 if at == len(bundle) // 2 else b for at, b in enumerate(bundle))
    for data, model in ((other, b"model"), (bundle, change + b"!")):
        with pytest.raises(Exception):  # noqa: B017, PT011 - it has no error family of ours
            independent_verifier.walk(data, keys.public, digest(model).hex)


def test_the_independent_verifier_runs_alone(keys: Keys, tmp_path: Path) -> None:
    for name, data in (
        ("b", signed(tabular_run().chain(), keys.signer)),
        ("k", keys.public),
        ("m", b"model"),
    ):
        (tmp_path / name).write_bytes(data)
    script = independent_verifier.__file__
    assert script is not None
    text = Path(script).read_text()
    assert "import kfp_provenance" not in text
    assert "from kfp_provenance" not in text
    command = [sys.executable, script, *(str(tmp_path / name) for name in "bkm")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == f"root {digest(b'raw')}\n"


def test_a_long_chain_is_judged(keys: Keys) -> None:
    bundle = signed(linear_run(1500).chain(), keys.signer)
    subject = content(b"1499")
    result = verify_bundle(bundle, Trust.for_key(keys.public), subject, now=NOW)
    assert result.verdict.passed
