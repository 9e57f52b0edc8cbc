"""Attacks on the bytes of data sets and models."""

from __future__ import annotations

import os
from collections.abc import Iterator

from kfp_provenance.codes import Code
from support.drill import edits
from support.drill.edits import Edit, exchange
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
from support.drill.scenes import RunsScene, Scene

_DATA, _MODEL = ("gather", "shards"), ("fit", "model")
_MISMATCH = Code.SUBJECT_MISMATCH
_INPUT = Code.INPUT_DIGEST_MISMATCH
_CHANGED = Code.STORED_BYTES_CHANGED
_AFTERWARDS = {Place.STORE: _CHANGED, Place.OPERATOR: _CHANGED}

OFTEN: tuple[tuple[str, Edit], ...] = (
    ("one bit of a file flipped", edits.flip),
    ("two files swapped", edits.swap),
    ("a file renamed", edits.rename),
    ("a file dropped", edits.drop),
    ("a file added", edits.add),
    ("an empty file added", edits.add_empty),
    ("a file truncated", edits.truncate),
    ("a file emptied", edits.empty_file),
    ("a line feed added at the end of a file", edits.newline),
    ("the directory replaced by a file with the text of its listing", edits.listing),
)
"""What changes the digest of a directory, and a bucket can be told to do."""

SELDOM: tuple[tuple[str, Edit], ...] = (
    ("a file renamed in its case only", edits.other_case),
    ("a file renamed with a letter that looks the same", edits.look_alike),
    ("a file renamed to the same text in another Unicode form", edits.accent),
    ("a hidden file added", edits.add_hidden),
    ("a file moved out of its folder", edits.move_up),
    ("line ends changed", edits.line_ends),
    ("a byte order mark put before a file", edits.mark_order),
    ("a file grown by a hole", edits.grow),
    ("a file replaced by a folder that holds it", edits.folder_for_file),
    ("the directory put into a directory of its name", edits.wrapped),
    ("a file replaced by a hard link to another", edits.hard_link),
)
"""Likewise, for those who look closely; tasks take digests as the program does."""

REFUSED: tuple[tuple[str, Edit, Code], ...] = (
    ("an empty folder added", edits.add_folder, Code.ARTIFACT_EMPTY_DIRECTORY),
    ("all files removed", edits.empty, Code.ARTIFACT_EMPTY_DIRECTORY),
    ("a name that forges a line of the listing", edits.line_in_a_name, Code.ARTIFACT_NAME_INVALID),
    ("a name that is not UTF-8", edits.no_text, Code.ARTIFACT_NAME_INVALID),
    ("a file replaced by a link to equal bytes", edits.symlink, Code.ARTIFACT_SYMLINK),
    ("a folder replaced by a link to equal bytes", edits.symlink_folder, Code.ARTIFACT_SYMLINK),
    ("the directory replaced by a link to it", edits.symlink_whole, Code.ARTIFACT_SYMLINK),
    ("a link to nowhere added", edits.dangling, Code.ARTIFACT_SYMLINK),
    ("a file replaced by a link to a device", edits.device, Code.ARTIFACT_SYMLINK),
    ("a pipe added", edits.pipe, Code.ARTIFACT_SPECIAL_FILE),
    ("a file replaced by a pipe", edits.pipe_for_file, Code.ARTIFACT_SPECIAL_FILE),
    ("a socket added", edits.socket_file, Code.ARTIFACT_SPECIAL_FILE),
)
"""What cannot be part of an artifact, whatever its digest would be."""


def attacks() -> Iterator[Attack]:
    """Every edit on the model and on the data set behind it, then what needs more than one."""
    for name, edit in OFTEN:
        yield _attack(
            name,
            *_afterwards(edit),
            *trials(Ground.CLUSTER, edited(_DATA, edit, rate=0.9), {Place.STEP: _INPUT}),
            *trials(Ground.CLUSTER, edited(_MODEL, edit), {Place.SIGN: _INPUT}),
        )
    for name, edit in SELDOM:
        yield _attack(name, *_afterwards(edit))
    for name, edit, code in REFUSED:
        yield _attack(
            name,
            *trials(Ground.DRILL, edited(_MODEL, edit), {Place.VERIFY: code}),
            *trials(Ground.DRILL, edited(_DATA, edit), _AFTERWARDS),
        )
    yield from _whole()


def _afterwards(edit: Edit) -> tuple[Trial, ...]:
    """The model, and the data set behind it, after signing."""
    return (
        *trials(Ground.DRILL, edited(_MODEL, edit), {Place.VERIFY: _MISMATCH}),
        *trials(Ground.DRILL, edited(_DATA, edit), {Place.STORE: _CHANGED}),
    )


def _attack(name: str, *found: Trial) -> Attack:
    return Attack(name, Adversary.ARTIFACTS, found)


def edited(artifact: tuple[str, str], edit: Edit, **arguments: object) -> Act:
    """Edit an artifact. In a run KFP takes it from its cache; other parameters make a step run."""

    def act(scene: Scene) -> Given:
        edit(scene.artifact(*artifact))
        return scene.given().with_arguments(**arguments)

    return act


# --- whole artifacts


def _older_model(scene: Scene) -> Given:
    """The model of an earlier run lies where the newer one was."""
    assert isinstance(scene, RunsScene)
    exchange(scene.runs["newer"].model, scene.runs["older"].model)
    return scene.given()


def _other_outputs(scene: Scene) -> Given:
    exchange(scene.artifact("fit", "model"), scene.artifact("fit", "tokenizer"))
    return scene.given()


def _evidence(scene: Scene) -> Given:
    return scene.given().but(path=scene.artifact("fit", "tokenizer"))


def _named_otherwise(scene: Scene) -> Given:
    return scene.given().but(subject="evidence_2")


def _unknown_name(scene: Scene) -> Given:
    return scene.given().but(subject="weights")


def _other_raw_data(scene: Scene) -> Given:
    edits.flip(scene.folder / "raw")
    return scene.given()


def _flipped_copy(scene: Scene) -> Given:
    assert isinstance(scene, RunsScene)
    newer = scene.runs["newer"].model / "weights.bin"
    for copy in (scene.folder / "published").glob("sha256-*/model"):
        if (copy / "weights.bin").read_bytes() == newer.read_bytes():
            edits.flip(copy)
            return scene.given().but(path=copy)
    raise AssertionError("the newer model was not published")


def _pipe(scene: Scene) -> Given:
    path = scene.folder / "pipe"
    os.mkfifo(path)
    return scene.given().but(path=path)


def _training_and_test(scene: Scene) -> Given:
    exchange(*(scene.artifact("preprocess", name) for name in ("training_data", "test_data")))
    return scene.given()


_WHOLE: tuple[tuple[str, Act, dict[Place, Codes]], ...] = (
    (
        "the model of an older run put in its place", _older_model,
        {Place.STORE: (_MISMATCH, _CHANGED), Place.OPERATOR: _CHANGED},
    ),
    (
        "the outputs of one step swapped", _other_outputs,
        {Place.STORE: (_MISMATCH, _CHANGED), Place.OPERATOR: _CHANGED},
    ),
    ("evidence presented as the model", _evidence, {Place.VERIFY: _MISMATCH}),
    ("the model presented as another subject", _named_otherwise, {Place.VERIFY: _MISMATCH}),
    ("a subject that was not signed", _unknown_name, {Place.VERIFY: Code.SUBJECT_UNKNOWN}),
    ("the published copy changed", _flipped_copy, {Place.VERIFY: _MISMATCH}),
    ("the raw data changed after signing", _other_raw_data, _AFTERWARDS),
    ("a pipe presented as the model", _pipe, {Place.VERIFY: Code.ARTIFACT_SPECIAL_FILE}),
)  # fmt: skip

_IN_A_FILE: tuple[tuple[str, Edit], ...] = (
    ("one bit flipped in a file that is an artifact", edits.flip),
    ("a file that is an artifact truncated", edits.truncate),
    ("a file that is an artifact emptied", edits.empty_file),
    ("a line feed added to a file that is an artifact", edits.newline),
)


def _whole() -> Iterator[Attack]:
    for name, act, places in _WHOLE:
        yield _attack(name, *trials(Ground.DRILL, act, places))
    for name, edit in _IN_A_FILE:
        yield _attack(
            name,
            *trials(Ground.TABULAR, edited(("train", "model"), edit), {Place.VERIFY: _MISMATCH}),
            *trials(Ground.TABULAR, edited(("preprocess", "test_data"), edit), _AFTERWARDS),
        )
    swapped = trials(Ground.TABULAR, _training_and_test, _AFTERWARDS)
    yield _attack("training and test data swapped", *swapped)
