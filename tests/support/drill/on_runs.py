"""Attacks on runs: KFP's cache, the time between two tasks, the compiled pipeline."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from kfp_provenance.codes import Code
from kfp_provenance.hashing import hash_path
from support.drill import edits
from support.drill.cluster import ClusterScene
from support.drill.model import (
    Act,
    Adversary,
    Attack,
    Codes,
    Given,
    Ground,
    Place,
    Trial,
    trials,
)
from support.drill.on_artifacts import edited
from support.drill.on_records_before import announce
from support.drill.scenes import Scene
from support.launcher import ClusterRun

_INPUT, _MISSING = Code.INPUT_DIGEST_MISMATCH, Code.INPUT_MISSING
_UNTRUSTED = Code.SIGNER_UNTRUSTED


def _cluster(scene: Scene) -> ClusterScene:
    assert isinstance(scene, ClusterScene)
    return scene


# --- what KFP takes from its cache, whatever became of the bytes


def _gone(task: str, output: str, **arguments: object) -> Act:
    return edited((task, output), shutil.rmtree, **arguments)


def _replaced(scene: Scene) -> Given:
    """A whole other data set lies under the same URI."""
    shards = scene.artifact("gather", "shards")
    shutil.rmtree(shards)
    shutil.copytree(scene.artifact("fit", "tokenizer"), shards)
    return scene.given().with_arguments(rate=0.9)


def _swapped(scene: Scene) -> Given:
    """Two outputs of one cached step."""
    edits.exchange(scene.artifact("fit", "model"), scene.artifact("fit", "tokenizer"))
    return scene.given()


# --- between two tasks of one run


def between(
    task: str,
    artifact: tuple[str, str],
    edit: Callable[[Path], object],
    *,
    announced: bool = False,
) -> Act:
    """Edit an output before ``task`` starts; perhaps KFP's record of it too."""

    def act(scene: Scene) -> Given:
        backend = _cluster(scene).backend

        def meanwhile(run: ClusterRun) -> None:
            path = backend.object_of(run, *artifact)
            edit(path)
            if announced:
                properties = backend.record(run, *artifact)["properties"]
                announce(properties, digest=str(hash_path(path).digest))

        backend.meanwhile[task] = meanwhile
        return scene.given().with_arguments(rate=0.9)

    return act


def _drop_line(path: Path) -> None:
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[1:]))


# --- the compiled pipeline


def compiled(old: str, new: Callable[[ClusterScene], str], **arguments: object) -> Act:
    """Another text of the compiled pipeline is submitted."""

    def act(scene: Scene) -> Given:
        text = (scene.folder / "drill.yaml").read_text()
        assert old in text
        scene.write("edited.yaml", text.replace(old, new(_cluster(scene))))
        return scene.given().but(pipeline="edited").with_arguments(**arguments)

    return act


def _own_key(scene: Scene) -> Given:
    """The author of the pipeline signs with a key of their own."""
    return scene.given().with_arguments(signer=f"file:{scene.folder / 'stranger.key'}")


def _namespaces(*names: str) -> Act:
    """The run in the namespace team-a, under a policy for others."""
    listed = f"namespaces = {json.dumps(names)}"
    return lambda scene: scene.given().believing(*scene.policy(signer=listed))


_GONE = "the bytes are gone, so there is nothing to compare"
_EDITED = "it is not the program that was compiled, so it does not run"
_OTHER = "the signing step is not of this run, so it does not sign"
_DATA, _MODEL, _BUNDLE = ("gather", "shards"), ("fit", "model"), ("sign", "bundle")

CACHED: tuple[tuple[str, tuple[Trial, ...]], ...] = (
    (
        "the bytes of a cached step changed under the same URI",
        (
            *trials(Ground.CLUSTER, edited(_DATA, edits.flip, rate=0.9), {Place.STEP: _INPUT}),
            *trials(Ground.CLUSTER, edited(_DATA, edits.flip), {Place.SIGN: _INPUT}),
        ),
    ),
    (
        "the bytes of a cached step gone",
        (
            *trials(Ground.CLUSTER, _gone(*_DATA, rate=0.9), {Place.STEP: _MISSING}, _GONE),
            *trials(Ground.CLUSTER, _gone(*_MODEL), {Place.SIGN: _MISSING}, _GONE),
        ),
    ),
)

RUNS: tuple[tuple[str, Act, Place, Codes, str], ...] = (
    ("another data set under the URI of a cached step", _replaced, Place.STEP, _INPUT, ""),
    ("the outputs of a cached step swapped", _swapped, Place.SIGN, _INPUT, ""),
    (
        "the model changed between training and evaluation",
        between("assess", _MODEL, edits.flip), Place.STEP, _INPUT, "",
    ),
    (
        "the model changed between evaluation and signing",
        between("sign", _MODEL, edits.flip), Place.SIGN, _INPUT, "",
    ),
    (
        "the model changed between signing and publishing",
        between("publish", _MODEL, edits.flip), Place.PUBLISH, _INPUT, "",
    ),
    (
        "the model changed before publishing, and its announcement too",
        between("publish", _MODEL, edits.flip, announced=True), Place.PUBLISH,
        Code.SUBJECT_MISMATCH, "",
    ),
    (
        "the bundle changed before publishing",
        between("publish", _BUNDLE, edits.newline), Place.PUBLISH, _INPUT, "",
    ),
    (
        "a step dropped from the bundle before publishing, and its announcement changed",
        between("publish", _BUNDLE, _drop_line, announced=True), Place.PUBLISH,
        Code.SUMMARY_MISMATCH, "",
    ),
    (
        "the source of a step edited in the compiled pipeline",
        compiled("0.5 + float(rate)", lambda _: "0.9 + float(rate)"), Place.STEP,
        Code.TRACKING_CONFIG_INVALID, _EDITED,
    ),
    (
        "the run of the signing step fixed in the compiled pipeline",
        compiled("{{$.pipeline_job_uuid}}", lambda scene: scene.first.id), Place.SIGN,
        Code.RUN_UNKNOWN, _OTHER,
    ),
    ("a signing step with a key of one's own", _own_key, Place.PUBLISH, _UNTRUSTED, ""),
    (
        "the bundle of another namespace", _namespaces("team-b", ""), Place.VERIFY,
        Code.NAMESPACE_UNTRUSTED, "",
    ),
)  # fmt: skip


def attacks() -> Iterator[Attack]:
    """The cache, then what is done while a run lasts."""
    for name, found in CACHED:
        yield Attack(name, Adversary.RUNS, found)
    for name, act, place, codes, why in RUNS:
        yield Attack(name, Adversary.RUNS, trials(Ground.CLUSTER, act, {place: codes}, why))
