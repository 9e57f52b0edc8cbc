"""Attacks on what is published, and on the pointer to it."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from kfp_provenance.codes import Code
from kfp_provenance.hashing import hash_path
from support.drill import edits
from support.drill.model import (
    Act,
    Adversary,
    Attack,
    Codes,
    Given,
    Ground,
    Place,
    trials,
)
from support.drill.scenes import RunsScene, Scene
from support.forge import statements_of

_MISMATCH = Code.SUBJECT_MISMATCH


def _published(scene: Scene) -> Path:
    (folder,) = (scene.folder / "published").glob("sha256-*/model")
    return folder


def _in_the_way(edit: Callable[[Path], object]) -> Act:
    """Other bytes under the name that is made of the model's digest."""

    def act(scene: Scene) -> Given:
        edit(_published(scene))
        return scene.given()

    return act


def _pointer_is(change: Callable[[Path], object]) -> Act:
    def act(scene: Scene) -> Given:
        path = scene.folder / "published" / "drill.json"
        path.unlink()
        change(path)
        return scene.given()

    return act


def _link(path: Path) -> None:
    """What would be written goes elsewhere."""
    path.symlink_to(path.parent.parent / "elsewhere.json")


def pointed(change: Callable[[dict[str, Any], RunsScene], object] = lambda _p, _s: None) -> Act:
    """Verify what the pointer of the published model points at."""

    def act(scene: Scene) -> Given:
        assert isinstance(scene, RunsScene)
        pointer = json.loads((scene.folder / "published" / "drill.json").read_text())
        change(pointer, scene)
        given = scene.given().but(path=Path(pointer["model"]["uri"]))
        return given.but(bundle=Path(pointer["bundle"]["uri"]))

    return act


def _older(what: str) -> Callable[[dict[str, Any], RunsScene], object]:
    """Move a part of the pointer back to the older run."""

    def change(pointer: dict[str, Any], scene: RunsScene) -> None:
        receipt = scene.runs["older"].outputs / "publish" / "receipt"
        pointer[what] = json.loads(receipt.read_text())[what]

    return change


def older_pair(pointer: dict[str, Any], scene: RunsScene) -> None:
    """The pointer as it was before the newer run."""
    for what in ("model", "bundle"):
        _older(what)(pointer, scene)


def _older_pair_under(policy: Callable[[RunsScene], dict[str, str]]) -> Act:
    def act(scene: Scene) -> Given:
        assert isinstance(scene, RunsScene)
        given = pointed(older_pair)(scene)
        return given.believing(*scene.policy(**policy(scene)))

    return act


def _revoked(scene: RunsScene) -> dict[str, str]:
    digest = hash_path(scene.runs["older"].model).digest
    return {"more": f'[revoked]\ndigests = ["{digest}"]'}


def _not_before(scene: RunsScene) -> dict[str, str]:
    """Signatures count from the newer run on."""
    summary = statements_of(scene.runs["newer"].bundle.read_bytes())[-1]
    return {"signer": f"not_before = {summary['predicate']['timeVerified']}"}


def _elsewhere(pointer: dict[str, Any], scene: RunsScene) -> None:
    pointer["model"]["uri"] = str(scene.folder / "raw")


def _nowhere(pointer: dict[str, Any], scene: RunsScene) -> None:
    pointer["model"]["uri"] = str(scene.folder / "nowhere")


PUBLISHING: tuple[tuple[str, Act, Codes, str], ...] = (
    ("other bytes under the published name", _in_the_way(edits.flip), Code.OBJECT_EXISTS, ""),
    ("another file under the published name", _in_the_way(edits.add), Code.OBJECT_EXISTS, ""),
    ("a link in the place of the pointer", _pointer_is(_link), Code.ARTIFACT_SYMLINK, ""),
    (
        "a pipe in the place of the pointer", _pointer_is(os.mkfifo), Code.URI_UNSUPPORTED,
        "the pointer cannot be read",
    ),
    (
        "a huge file in the place of the pointer",
        _pointer_is(lambda path: path.write_bytes(b"x" * 100_000)), Code.OBJECT_TOO_LARGE,
        "the pointer is not read",
    ),
    (
        "a model published under a path instead of a name",
        lambda scene: scene.given().with_arguments(name="../drill"), Code.PARAMETER_INVALID,
        "it is no name, so nothing is published",
    ),
)  # fmt: skip

POINTER: tuple[tuple[str, Act, Codes, str], ...] = (
    ("the pointer's model moved back, its bundle kept", pointed(_older("model")), _MISMATCH, ""),
    ("the pointer's bundle moved back, its model kept", pointed(_older("bundle")), _MISMATCH, ""),
    (
        "the pointer moved to an older model, which is revoked", _older_pair_under(_revoked),
        Code.DIGEST_REVOKED, "",
    ),
    (
        "the pointer moved to an older model, under a policy from the newer one on",
        _older_pair_under(_not_before), Code.SIGNER_EXPIRED, "",
    ),
    ("the pointer led to other bytes", pointed(_elsewhere), _MISMATCH, ""),
    (
        "the pointer led to nowhere", pointed(_nowhere), Code.ARTIFACT_MISSING,
        "there are no bytes to judge",
    ),
)  # fmt: skip


def attacks() -> Iterator[Attack]:
    """While it is published, then at the pointer."""
    for name, act, codes, why in PUBLISHING:
        found = trials(Ground.CLUSTER, act, {Place.PUBLISH: codes}, why)
        yield Attack(name, Adversary.RUNS, found)
    for name, act, codes, why in POINTER:
        yield Attack(name, Adversary.RUNS, trials(Ground.DRILL, act, {Place.VERIFY: codes}, why))
