"""Attacks on ML Metadata, ours and KFP's own, before the chain is signed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

from kfp_provenance.codes import Code
from kfp_provenance.hashing import hash_path
from support.drill import edits
from support.drill.cluster import ClusterScene
from support.drill.model import Act, Adversary, Attack, Codes, Given, Ground, Place, trials
from support.drill.records import INPUT, OUTPUT, Change, Records
from support.drill.scenes import Scene

_ZEROS = "sha256:" + "0" * 64
_ANNOUNCEMENT = "kprov_artifact"
_BROKEN = Code.CHAIN_INPUT_MISMATCH
_CHANGED, _CORRUPT = Code.STORED_BYTES_CHANGED, Code.STORE_CORRUPT

# --- our own records, of which the signing step makes the statements


def changed(change: Change) -> Act:
    """Change rows of the run; the next one takes all its steps from the cache and signs."""

    def act(scene: Scene) -> Given:
        given = scene.given()
        change(Records(scene, given.run))
        return given

    return act


def _packages(records: Records) -> None:
    records.change(
        "update ContextProperty set string_value = replace(string_value, 'kfp==', 'kfq==') "
        "where name = 'packages'"
    )


def _failed(records: Records) -> None:
    records.set_step("fit", "outcome", "FAILED")


def _of_a_cycle(records: Records) -> None:
    """The data set comes from the model that was made of it."""
    ((producer,),) = records.rows(
        "select string_value from ExecutionProperty where execution_id = ? and name = 'id'",
        records.step("fit"),
    )
    model = records.artifact("fit", "model")
    origin = {"origin": "step", "producer": producer, "output": "model"}
    records.add_input("gather", model, "x", **origin)


def _undeclared(records: Records) -> None:
    records.edit_path("gather", INPUT, "source", origin="imported")


BEFORE: tuple[tuple[str, Change, Codes], ...] = (
    (
        "the digest of the model rewritten",
        lambda r: r.set_artifact("fit", "model", "digest", _ZEROS),
        (_BROKEN, _CHANGED),
    ),
    (
        "the kind of an artifact rewritten",
        lambda r: r.set_artifact("fit", "model", "kind", "file"),
        (_BROKEN, _CHANGED),
    ),
    ("a step removed", lambda r: r.drop_step("fit"), Code.CHAIN_STEP_MISSING),
    ("a failed step", _failed, Code.CHAIN_STEP_FAILED),
    ("an output edge dropped", lambda r: r.drop_event("fit", OUTPUT, "model"), _BROKEN),
    ("an output renamed", lambda r: r.edit_path("fit", OUTPUT, "tokenizer", name="x"), _BROKEN),
    (
        "an input edge led to another artifact",
        lambda r: r.set_event(
            "fit", INPUT, "shards", "artifact_id", r.artifact("fit", "tokenizer")
        ),
        _BROKEN,
    ),
    ("an input edge that closes a circle", _of_a_cycle, Code.CHAIN_CYCLE),
    ("a source said to be imported", _undeclared, Code.CHAIN_INPUT_UNDECLARED),
    (
        "a step said to be of another pipeline",
        lambda r: r.set_step("gather", "pipeline", "x"),
        Code.CHAIN_PIPELINE_MISMATCH,
    ),
    (
        "a step said to be of another namespace",
        lambda r: r.set_step("gather", "namespace", "x"),
        Code.CHAIN_PIPELINE_MISMATCH,
    ),
    ("the list of packages rewritten", _packages, _CORRUPT),
    (
        "the type of an event changed",
        lambda r: r.set_event("assess", INPUT, "model", "type", OUTPUT),
        _CORRUPT,
    ),
    ("ML Metadata emptied", lambda r: r.empty(), Code.CHAIN_STEP_MISSING),
)

# --- KFP's own ML Metadata, which hands artifacts from task to task


def _kfp(
    task: str, output: str, change: Callable[[dict[str, Any]], object], **arguments: object
) -> Act:
    """Change what KFP hands on of an output; another parameter makes the next step run."""

    def act(scene: Scene) -> Given:
        assert isinstance(scene, ClusterScene)
        change(scene.properties(task, output))
        return scene.given().with_arguments(**arguments)

    return act


def _with_bytes(
    task: str,
    output: str,
    file: str,
    change: Callable[[dict[str, Any], str], object],
    **arguments: object,
) -> Act:
    """Likewise, together with the bytes of a file: the change learns the new digest."""

    def act(scene: Scene) -> Given:
        assert isinstance(scene, ClusterScene)
        path = scene.artifact(task, output)
        edits.flip(path / file)
        change(scene.properties(task, output), str(hash_path(path).digest))
        return scene.given().with_arguments(**arguments)

    return act


def announce(properties: dict[str, Any], **fields: str) -> None:
    """Rewrite what the producer announced."""
    announced = {**json.loads(properties[_ANNOUNCEMENT]), **fields}
    properties[_ANNOUNCEMENT] = json.dumps(announced)


def _silent(properties: dict[str, Any], _: str = "") -> None:
    del properties[_ANNOUNCEMENT]


def _announced(properties: dict[str, Any], digest: str) -> None:
    announce(properties, digest=digest)


IN_KFP: tuple[tuple[str, Act, Place, Codes], ...] = (
    (
        "metrics improved in KFP's own records",
        _kfp("assess", "metrics", lambda p: p.update(accuracy=1.0)),
        Place.SIGN,
        Code.INPUT_DIGEST_MISMATCH,
    ),
    (
        "an announced digest rewritten",
        _kfp("gather", "shards", lambda p: announce(p, digest=_ZEROS), rate=0.9),
        Place.STEP,
        Code.INPUT_DIGEST_MISMATCH,
    ),
    (
        "an announcement damaged",
        _kfp("gather", "shards", lambda p: p.update({_ANNOUNCEMENT: "{}"}), rate=0.9),
        Place.STEP,
        Code.EXECUTOR_INPUT_INVALID,
    ),
    (
        "an announcement of another step",
        _kfp("fit", "model", lambda p: announce(p, step="x")),
        Place.SIGN,
        Code.CHAIN_STEP_MISSING,
    ),
    (
        "an announcement of another output",
        _kfp("fit", "model", lambda p: announce(p, output="tokenizer")),
        Place.SIGN,
        _BROKEN,
    ),
    (
        "a data set changed, and its announcement too",
        _with_bytes("gather", "shards", "README", _announced, rate=0.9),
        Place.SIGN,
        (_BROKEN, _CHANGED),
    ),
    (
        "a data set changed, and its announcement removed",
        _with_bytes("gather", "shards", "README", _silent, rate=0.9),
        Place.SIGN,
        (Code.CHAIN_INPUT_UNDECLARED, Code.SUBJECT_UNKNOWN),
    ),
    (
        "the model changed, and its announcement too",
        _with_bytes("fit", "model", "weights.bin", _announced, bound=0.4),
        Place.SIGN,
        (_BROKEN, _CHANGED),
    ),
    (
        "the model changed, and its announcement removed",
        _with_bytes("fit", "model", "weights.bin", _silent, bound=0.4),
        Place.SIGN,
        (Code.CHAIN_INPUT_UNDECLARED, Code.SUBJECT_UNKNOWN, _CHANGED),
    ),
)


def attacks() -> Iterator[Attack]:
    """Ours, then KFP's."""
    for name, change, codes in BEFORE:
        why = "the store cannot be read, so nothing is signed" if codes is _CORRUPT else ""
        found = trials(Ground.CLUSTER, changed(change), {Place.SIGN: codes}, why)
        yield Attack(f"{name}, before signing", Adversary.RECORDS, found)
    for name, act, place, codes in IN_KFP:
        why = "what was announced cannot be read" if codes is Code.EXECUTOR_INPUT_INVALID else ""
        yield Attack(name, Adversary.RECORDS, trials(Ground.CLUSTER, act, {place: codes}, why))
