"""What passes although it should not please anybody: stated, shown, and what stops it instead."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

from kfp_provenance.codes import Code
from support.drill.cluster import ClusterScene
from support.drill.model import Act, Given, Ground, Passing, Place
from support.drill.on_policies import bundle_digest, respaced, revoking
from support.drill.on_published import older_pair, pointed
from support.drill.records import INPUT, Change, Records
from support.drill.scenes import Scene


def _changed(change: Change) -> Act:
    def act(scene: Scene) -> Given:
        given = scene.given()
        change(Records(scene, given.run))
        return given

    return act


def _gone(scene: Scene) -> Given:
    shutil.rmtree(scene.artifact("gather", "shards"))
    return scene.given()


def _exchanged(scene: Scene) -> Given:
    """All that KFP says of two outputs is exchanged: place, type, announcement."""
    assert isinstance(scene, ClusterScene)
    one, other = (scene.backend.record(scene.first, "fit", n) for n in ("model", "tokenizer"))
    first = dict(one)
    one.update(other)
    other.update(first)
    return scene.given()


def _beside(records: Records) -> None:
    """One more step, which nobody signed, claims to have made the model."""
    copy = "insert into Execution (type_id, name) select type_id, 'x' from Execution where id = ?"
    records.change(copy, records.step("fit"))
    records.change(
        "insert into Event (artifact_id, execution_id, type, milliseconds_since_epoch) "
        "values (?, (select max(id) from Execution), 4, 0)",
        records.artifact("fit", "model"),
    )


LIMITS: tuple[Passing, ...] = (
    Passing(
        "the pointer moved to an older model and its bundle, under a key alone",
        pointed(older_pair), Place.VERIFY, Ground.DRILL,
        "both are good; a policy revokes the old one, begins later, or has a `maximum_age_days`",
    ),
    Passing(
        "stored bytes gone after signing", _gone, Place.STORE, Ground.DRILL,
        "said as a note; `kprov sign --require-all-bytes` refuses to sign without them",
        notes=frozenset({Code.STORED_BYTES_UNREAD}),
    ),
    Passing(
        "a bundle revoked by the digest of its file, written with white space",
        revoking(bundle_digest, respaced), Place.VERIFY, Ground.DRILL,
        "revoke it by the digest of its summary's signed bytes, as `kprov bundle show` prints it",
    ),
    Passing(
        "an input edge dropped before an operator signs",
        _changed(lambda r: r.drop_event("fit", INPUT, "shards")), Place.OPERATOR, Ground.DRILL,
        "a record that is whole in itself is believed; tasks that sign their steps catch it, "
        "and so does a policy that requires the steps",
    ),
    Passing(
        "a parameter changed before the run is signed",
        _changed(lambda r: r.edit_step("fit", "parameters", "0.1", "0.5")), Place.SIGN,
        Ground.CLUSTER, "likewise; tasks that sign their steps catch it",
    ),
    Passing(
        "two outputs of one step exchanged with all that KFP says of them", _exchanged,
        Place.SIGN, Ground.CLUSTER,
        "the chain says truly which output was signed; a layout of the pipeline catches it",
    ),
    Passing(
        "a record beside those that were signed", _changed(_beside), Place.STORE, Ground.DRILL,
        "the signed steps are compared, and not what else is in the store",
    ),
)  # fmt: skip


def passing() -> Iterator[Passing]:
    """All of them."""
    for one in LIMITS:
        yield Passing(one.name, one.act, one.place, one.ground, one.why, one.notes, limit=True)
