"""Attacks on ML Metadata after signing: the comparison with the bundle must name each."""

from __future__ import annotations

import json
from collections.abc import Iterator

from kfp_provenance.codes import Code
from support.drill.model import Act, Adversary, Attack, Codes, Given, Ground, Place, trials
from support.drill.records import INPUT, OUTPUT, Change, Records
from support.drill.scenes import RunsScene, Scene

_ZEROS = "sha256:" + "0" * 64


def changed(change: Change) -> Act:
    """Change rows of the run that is judged."""

    def act(scene: Scene) -> Given:
        given = scene.given()
        change(Records(scene, given.run))
        return given

    return act


def _swap_inputs(records: Records) -> None:
    """The model comes from the test data, the evaluation from the training data."""
    one = records.event("train", INPUT, "training_data")[1]
    other = records.event("evaluate", INPUT, "test_data")[1]
    records.set_event("train", INPUT, "training_data", "artifact_id", other)
    records.set_event("evaluate", INPUT, "test_data", "artifact_id", one)


def _swap_outputs(records: Records) -> None:
    one, other = (records.event("preprocess", OUTPUT, n) for n in ("training_data", "test_data"))
    records.edit_path("preprocess", OUTPUT, "training_data", name="aside")
    records.edit_path("preprocess", OUTPUT, "test_data", name="training_data")
    records.edit_path("preprocess", OUTPUT, "aside", name="test_data")
    assert one != other


def _swap_names(records: Records) -> None:
    """Two rows change their names."""
    one, other = records.step("train"), records.step("evaluate")
    names = dict(records.rows("select id, name from Execution where id in (?, ?)", one, other))
    records.change("update Execution set name = 'aside' where id = ?", one)
    records.change("update Execution set name = ? where id = ?", names[one], other)
    records.change("update Execution set name = ? where id = ?", names[other], one)


def _better(records: Records) -> None:
    """Metrics improved."""
    row = records.artifact("evaluate", "metrics")
    where = "where artifact_id = ? and name = 'metadata'"
    ((text,),) = records.rows(f"select string_value from ArtifactProperty {where}", row)
    better = json.dumps({**json.loads(text), "accuracy": 1})
    records.change(f"update ArtifactProperty set string_value = ? {where}", better, row)


def _move(records: Records) -> None:
    """A step is listed in another run, whose context has another name."""
    row = records.step("preprocess")
    records.change(
        "insert into Context (type_id, name, create_time_since_epoch, last_update_time_since_epoch)"
        " select type_id, 'another', 0, 0 from Context where name = ?", records.run,
    )  # fmt: skip
    records.change(
        "update Association set context_id = (select id from Context where name = 'another') "
        "where execution_id = ? and context_id = (select id from Context where name = ?)",
        row, records.run,
    )  # fmt: skip


def _foreign_step(records: Records) -> None:
    """A row of somebody else takes the place of the artifact."""
    records.change(
        "update Artifact set type_id = (select id from Type where name = 'kprov.Step') "
        "where id = ?",
        records.artifact("train", "model"),
    )


_DIFFERS, _MISSING, _CORRUPT = Code.STORE_STEP_DIFFERS, Code.STORE_STEP_MISSING, Code.STORE_CORRUPT

AFTERWARDS: tuple[tuple[str, Change], ...] = (
    # artifacts
    (
        "the digest of a data set rewritten",
        lambda r: r.set_artifact("ingest", "dataset", "digest", _ZEROS),
    ),
    (
        "the digest of the model rewritten",
        lambda r: r.set_artifact("train", "model", "digest", _ZEROS),
    ),
    (
        "the place of the model rewritten",
        lambda r: r.set_artifact("train", "model", "uri", "/evil"),
    ),
    (
        "the kind of an artifact rewritten",
        lambda r: r.set_artifact("train", "model", "kind", "directory"),
    ),
    ("the size of an artifact rewritten", lambda r: r.set_artifact("train", "model", "size", "1")),
    (
        "the type of an artifact rewritten",
        lambda r: r.set_artifact("train", "model", "type", "system.Dataset"),
    ),
    ("metrics improved", _better),
    # steps
    ("a parameter changed", lambda r: r.edit_step("preprocess", "parameters", "0.2", "0.9")),
    (
        "a parameter added",
        lambda r: r.edit_step(
            "preprocess", "parameters", "[", '[{"name":"x","value":"1","keyed_digest":""},'
        ),
    ),
    ("the image of a step replaced", lambda r: r.set_step("train", "image", "evil/image")),
    ("the source of a step replaced", lambda r: r.set_step("train", "source_digest", _ZEROS)),
    ("the component of a step renamed", lambda r: r.set_step("train", "component", "evil.train")),
    ("the environment of a step replaced", lambda r: r.set_step("train", "environment", _ZEROS)),
    ("the outcome of a step changed", lambda r: r.set_step("train", "outcome", "FAILED")),
    (
        "the time of a step changed",
        lambda r: r.set_step("train", "finished", "2026-01-01T00:00:00+00:00"),
    ),
    ("the pipeline of a step renamed", lambda r: r.set_step("train", "pipeline", "another")),
    ("the pipeline's digest replaced", lambda r: r.set_step("train", "pipeline_digest", _ZEROS)),
    ("the namespace of a step changed", lambda r: r.set_step("train", "namespace", "team-b")),
    ("the task of a step renamed", lambda r: r.set_step("train", "task", "tune")),
    ("a step said to be a second attempt", lambda r: r.set_step("train", "attempt", "2")),
    ("a step said to be of another run", lambda r: r.set_step("train", "run", "another")),
    # edges
    ("an input edge dropped", lambda r: r.drop_event("train", INPUT, "training_data")),
    ("an output edge dropped", lambda r: r.drop_event("preprocess", OUTPUT, "test_data")),
    ("an input edge added", lambda r: r.add_input("train", r.artifact("ingest", "dataset"), "x")),
    ("the inputs of two steps exchanged", _swap_inputs),
    ("the outputs of one step exchanged", _swap_outputs),
    (
        "an edge led to another artifact",
        lambda r: r.set_event(
            "train", INPUT, "training_data", "artifact_id", r.artifact("ingest", "dataset")
        ),
    ),
    ("an input renamed", lambda r: r.edit_path("train", INPUT, "training_data", name="x")),
    (
        "a step's input said to be its source",
        lambda r: r.edit_path(
            "train", INPUT, "training_data", origin="source", producer="", output=""
        ),
    ),
)

MISSING: tuple[tuple[str, Change], ...] = (
    ("a step removed", lambda r: r.drop_step("preprocess")),
    ("ML Metadata emptied", lambda r: r.empty()),
    ("a step listed in another run", _move),
)

CORRUPT: tuple[tuple[str, Change], ...] = (
    (
        "the type of an event changed",
        lambda r: r.set_event("train", INPUT, "training_data", "type", OUTPUT),
    ),
    (
        "an event of a type that nobody writes",
        lambda r: r.set_event("train", INPUT, "training_data", "type", 1),
    ),
    (
        "an event without its path",
        lambda r: r.change(
            "delete from EventPath where event_id = ?", r.event("train", INPUT, "training_data")[0]
        ),
    ),
    (
        "an edge led to nowhere",
        lambda r: r.set_event("train", INPUT, "training_data", "artifact_id", 999_999),
    ),
    ("artifacts removed", lambda r: r.change("delete from Artifact")),
    ("an artifact turned into something else", _foreign_step),
    ("a digest that is none", lambda r: r.set_artifact("train", "model", "digest", "sha256:0")),
    ("two rows with each other's names", _swap_names),
    ("parameters that are no list", lambda r: r.set_step("train", "parameters", "{}")),
    ("parameters nested very deep", lambda r: r.set_step("train", "parameters", "[" * 100_000)),
)


def _other_store(scene: Scene) -> Given:
    """A store that knows all runs but this one."""
    assert isinstance(scene, RunsScene)
    records = Records(scene, scene.run.run)
    where = "where name = 'run' and string_value = ?"
    records.change(
        f"delete from Execution where id in (select execution_id from ExecutionProperty {where})",
        records.run,
    )
    return scene.given()


def _no_store(scene: Scene) -> Given:
    return scene.given().but(store=f"sqlite:{scene.folder}/nowhere.db")


def _overwritten(scene: Scene) -> Given:
    for path in scene.folder.glob("metadata.db*"):
        path.unlink()
    scene.database.write_bytes(b"x" * 8192)
    return scene.given()


def _later_schema(records: Records) -> None:
    records.change("update ExecutionProperty set string_value = '2' where name = 'schema'")


def attacks() -> Iterator[Attack]:
    """What differs, what is missing, and what cannot be read any more."""
    for codes, changes in ((_DIFFERS, AFTERWARDS), (_MISSING, MISSING)):
        for name, change in changes:
            yield _attack(name, changed(change), codes)
    yield _attack("the store replaced by that of other runs", _other_store, _MISSING, Ground.DRILL)
    why = "the store cannot be read, so nothing was compared"
    for name, change in CORRUPT:
        yield _attack(name, changed(change), _CORRUPT, undecided=why)
    for name, act, code in (
        ("records of a later schema", changed(_later_schema), Code.STORE_UNSUPPORTED),
        ("the store gone", _no_store, Code.STORE_UNREACHABLE),
        ("the store overwritten", _overwritten, _CORRUPT),
    ):
        yield _attack(name, act, code, undecided=why)


def _attack(
    name: str, act: Act, codes: Codes, ground: Ground = Ground.TABULAR, undecided: str = ""
) -> Attack:
    found = trials(ground, act, {Place.STORE: codes}, undecided)
    return Attack(f"{name}, after signing", Adversary.RECORDS, found)
