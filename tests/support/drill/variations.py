"""The other side: what is honest must pass."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Iterator

from kfp_provenance.attest.identifiers import IN_RUN_BUILDER
from kfp_provenance.hashing import hash_path
from support.drill import edits
from support.drill.cluster import NAMESPACE, ClusterScene
from support.drill.keyless_edits import ended, keyless, policy, revoked, with_root
from support.drill.model import Act, Given, Ground, Passing, Place
from support.drill.on_policies import cut, respaced, under
from support.drill.on_published import pointed
from support.drill.rewrites import SUMMARY, other_form, rewritten, signature
from support.drill.scenes import RunsScene, Scene


def _drill(scene: Scene) -> RunsScene:
    assert isinstance(scene, RunsScene)
    return scene


def _as_it_is(scene: Scene) -> Given:
    return scene.given()


def _of_run(name: str) -> Act:
    return lambda scene: _drill(scene).given_of(_drill(scene).runs[name])


# --- where the bytes are


def _copied(scene: Scene) -> Given:
    target = scene.folder / "a copy elsewhere"
    shutil.copytree(scene.given().path, target)
    return scene.given().but(path=target)


def _moved(scene: Scene) -> Given:
    given = scene.given()
    return given.but(path=given.path.rename(scene.folder / "another name"))


def _touched(scene: Scene) -> Given:
    """Times and rights say nothing of the bytes."""
    for path in scene.given().path.rglob("*"):
        os.utime(path, (1, 1))
        path.chmod(0o700)
    return scene.given()


def _hard_linked(scene: Scene) -> Given:
    target = scene.folder / "linked"
    shutil.copytree(scene.given().path, target, copy_function=os.link)
    return scene.given().but(path=target)


def _through_a_link(scene: Scene) -> Given:
    """A folder above the model is a link; the model itself is none."""
    (scene.folder / "latest").symlink_to(scene.given().path.parent)
    return scene.given().but(path=scene.folder / "latest" / "model")


def _restored(scene: Scene) -> Given:
    """Somebody changed a bit, and changed it back."""
    for _ in range(2):
        edits.flip(scene.given().path)
    return scene.given()


def _evidence(scene: Scene) -> Given:
    return scene.given().but(path=scene.artifact("fit", "tokenizer"), subject="evidence_2")


# --- how the bundle and the store are kept


def _linked_bundle(scene: Scene) -> Given:
    link = scene.folder / "latest.sigstore.jsonl"
    link.symlink_to(scene.given().bundle)
    return scene.given().but(bundle=link)


def _other_store(scene: Scene) -> Given:
    """A copy in another place, as a restored backup is."""
    target = scene.folder / "restored.db"
    with sqlite3.connect(scene.database) as source, sqlite3.connect(target) as copy:
        source.backup(copy)
    scene.database.unlink()
    return scene.given().but(store=f"sqlite:{target}")


def _compacted(scene: Scene) -> Given:
    with sqlite3.connect(scene.database, isolation_level=None) as connection:
        connection.execute("vacuum")
    return scene.given()


# --- runs


def _equal_bytes(scene: Scene) -> Given:
    """The model of one run with the bundle of another, which made the same bytes."""
    return scene.given().but(path=_drill(scene).runs["again"].model)


def _signed_again(scene: Scene) -> Given:
    """An operator signed the run from outside, later."""
    target = scene.folder / "outside.jsonl"
    run = _drill(scene).run
    done = run.kprov(
        "sign", run.run, "--signer", f"file:{scene.folder / 'signer.key'}", "--store", scene.store,
        "-o", target, "--subject", "fit/model",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return scene.given().but(bundle=target)


def _step_signed(scene: Scene) -> Given:
    return _of_run("step-signed")(scene).believing("--trust", scene.folder / "both.toml")


def _collected(scene: Scene) -> Given:
    """What an operator collects is what the tasks signed."""
    given = _step_signed(scene)
    return given.but(sign=(*given.sign, "--step-trust", str(scene.folder / "steps.toml")))


# --- trust


def _rotated(scene: Scene) -> Given:
    """The key that comes next is trusted beside the one that signed."""
    later = f'[[signer]]\nkey = "later.pub"\nbuilders = ["{IN_RUN_BUILDER}"]'
    return scene.given().believing(*scene.policy(more=later))


def _fitting(scene: Scene) -> Given:
    """Every limit is set, and each fits."""
    digest = hash_path(scene.folder / "raw").digest
    limits = 'pipelines = ["drill"]\nnamespaces = [""]\nnot_after = 2999-01-01T00:00:00Z'
    return scene.given().believing(
        *scene.policy(
            top=f'roots = ["{digest}"]',
            signer=limits,
            more='[require]\nsteps = ["fit", "assess"]\nlevel = 1\nmaximum_age_days = 30',
        )
    )


def _in_yaml(scene: Scene) -> Given:
    text = f'version: 1\nsigner:\n- {{key: signer.pub, builders: ["{IN_RUN_BUILDER}"]}}\n'
    return scene.given().believing("--trust", scene.write("policy.yaml", text))


def _years_later(scene: Scene) -> Given:
    """Authority and logs were retired after the signature; other ones came."""

    def retire(document: dict[str, object]) -> None:
        for kind in ("certificateAuthorities", "tlogs", "ctlogs"):
            ended(kind, "2027-01-01T00:00:00Z")(document)

    return with_root(retire)(scene)


def _revoked_since(scene: Scene) -> Given:
    """What the log had before that time still counts."""
    one = keyless(scene)
    table = revoked(", since = 2999-01-01T00:00:00Z")(one)
    return one.given().believing(*policy(one, more=table))


# --- in a cluster, where KFP takes from its cache what it can


def _submitted(**arguments: object) -> Act:
    return lambda scene: scene.given().with_arguments(**arguments)


def _of_a_cached_run(scene: Scene) -> Given:
    """The bundle of a run that did nothing but sign and publish."""
    assert isinstance(scene, ClusterScene)
    run = scene.submit(scene.given())
    assert set(run.states.values()) == {"CACHED", "COMPLETE"}, run.states
    bundle = scene.backend.object_of(run, "sign", "bundle")
    return scene.given().but(bundle=bundle, run=run.id)


def _lost_file(scene: Scene) -> Given:
    """A file of the published copy is gone; publishing puts it back."""
    (lost,) = (scene.folder / "published").glob("sha256-*/model/weights.bin")
    lost.unlink()
    return scene.given()


_D, _C, _K = Ground.DRILL, Ground.CLUSTER, Ground.KEYLESS

HONEST: tuple[tuple[str, Ground, Place, Act], ...] = (
    ("nothing was done", _D, Place.VERIFY, _as_it_is),
    ("nothing was done, compared with the store", _D, Place.STORE, _as_it_is),
    ("nothing was done, files as artifacts", Ground.TABULAR, Place.STORE, _as_it_is),
    ("nothing was done, signed again", Ground.TABULAR, Place.OPERATOR, _as_it_is),
    ("nothing was done, keyless", _K, Place.VERIFY, _as_it_is),
    ("the model copied", _D, Place.VERIFY, _copied),
    ("the model moved and renamed", _D, Place.VERIFY, _moved),
    ("the model below a folder that is a link", _D, Place.VERIFY, _through_a_link),
    ("the model's files as hard links", _D, Place.VERIFY, _hard_linked),
    ("other times and rights", _D, Place.STORE, _touched),
    ("a bit flipped, and flipped back", _D, Place.STORE, _restored),
    ("evidence asked for by its name", _D, Place.VERIFY, _evidence),
    ("the bundle read through a link", _D, Place.VERIFY, _linked_bundle),
    ("the store in another place", _D, Place.STORE, _other_store),
    ("the store compacted", _D, Place.STORE, _compacted),
    ("a run again, with equal bytes", _D, Place.STORE, _of_run("again")),
    ("the bundle of a run with equal bytes", _D, Place.VERIFY, _equal_bytes),
    ("a data set that two pipelines share", _D, Place.STORE, _of_run("another")),
    ("the published copy, through the pointer", _D, Place.VERIFY, pointed()),
    ("the run signed from outside as well", _D, Place.STORE, _signed_again),
    ("steps that their tasks signed", _D, Place.STORE, _step_signed),
    ("steps that their tasks signed, collected again", _D, Place.OPERATOR, _collected),
    ("the next key trusted beside this one", _D, Place.VERIFY, _rotated),
    ("every limit of a policy set, and fitting", _D, Place.VERIFY, _fitting),
    ("the policy in YAML", _D, Place.VERIFY, _in_yaml),
    ("years later, all services retired", _K, Place.VERIFY, _years_later),
    ("an identity revoked since a later time", _K, Place.VERIFY, _revoked_since),
    ("every step taken from the cache", _C, Place.PUBLISH, _submitted()),
    ("the bundle of a run that only signed", _C, Place.VERIFY, _of_a_cached_run),
    ("one data set, cached, for another model", _C, Place.PUBLISH, _submitted(rate=0.9)),
    ("a published file lost and put back", _C, Place.PUBLISH, _lost_file),
    ("the namespace of the run", _C, Place.VERIFY, under(signer=f'namespaces = ["{NAMESPACE}"]')),
)

SAME: tuple[tuple[str, Act, str], ...] = (
    (
        "the summary's signature as (r, n - s)",
        rewritten(signature(SUMMARY, other_form)),
        "of an ECDSA signature there are two forms; the same key signed the same bytes",
    ),
    (
        "white space in the summary's line",
        respaced,
        "the signed bytes are the same; no other line names this one",
    ),
    ("the last line feed of the bundle missing", cut, "the lines are the same bytes"),
)
"""Evidence in another dress: revoke a bundle by the digest of its summary's signed bytes."""


def passing() -> Iterator[Passing]:
    """All of them."""
    for name, ground, place, act in HONEST:
        yield Passing(name, act, place, ground)
    for name, act, why in SAME:
        yield Passing(name, act, Place.VERIFY, Ground.DRILL, why)
