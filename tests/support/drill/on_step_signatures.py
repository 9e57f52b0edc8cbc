"""Attacks on the records of a run whose tasks signed their own steps."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from kfp_provenance.attest.identifiers import IN_RUN_BUILDER, PAYLOAD_TYPE
from kfp_provenance.codes import Code
from support.drill.model import Act, Adversary, Attack, Codes, Given, Ground, Place, trials
from support.drill.records import INPUT, Change, Records
from support.drill.scenes import RunsScene, Scene
from support.forge import sign_statement, statement_of

_ZEROS = "sha256:" + "0" * 64
_CHANGED = Code.STORED_BYTES_CHANGED


def step_signed(change: Change) -> Act:
    """Change rows of the run whose tasks signed their steps; an operator collects them."""

    def act(scene: Scene) -> Given:
        assert isinstance(scene, RunsScene)
        run = scene.runs["step-signed"]
        change(Records(scene, run.run))
        given = scene.given_of(run).believing("--trust", scene.folder / "both.toml")
        return given.but(sign=(*given.sign, "--step-trust", str(scene.folder / "steps.toml")))

    return act


def _attestation(change: Callable[[str, Records], str], task: str = "fit") -> Change:
    def apply(records: Records) -> None:
        before = records.get_step(task, "attestation")
        records.set_step(task, "attestation", change(before, records))

    return apply


def _unsigned(records: Records) -> None:
    row = records.step("fit")
    where = "where execution_id = ? and name = 'attestation'"
    records.change(f"delete from ExecutionProperty {where}", row)


def _swapped(records: Records) -> None:
    one, other = (records.get_step(task, "attestation") for task in ("gather", "gather-2"))
    records.set_step("gather", "attestation", other)
    records.set_step("gather-2", "attestation", one)


def _by(key: str, builder: str = "") -> Change:
    """What the task said, signed by somebody else."""

    def change(line: str, records: Records) -> str:
        statement = statement_of(line.encode())
        if builder:
            statement["predicate"]["runDetails"]["builder"]["id"] = builder
        return sign_statement(statement, records.scene.signer(key)).decode()

    return _attestation(change)


def _something_else(line: str, records: Records) -> str:
    """Something else that the key of the tasks signed."""
    return records.scene.signer("step").sign(b"{}", PAYLOAD_TYPE).decode()


_DIFFERS = Code.ATTESTATION_MISMATCH

STEP_SIGNED: tuple[tuple[str, Change, Codes], ...] = (
    (
        "a parameter changed after the task had signed",
        lambda r: r.edit_step("fit", "parameters", "0.4", "0.1"),
        _DIFFERS,
    ),
    (
        "an input edge dropped after the task had signed",
        lambda r: r.drop_event("fit", INPUT, "shards"),
        _DIFFERS,
    ),
    (
        "an input edge added after the task had signed",
        lambda r: r.add_input("fit", r.artifact("gather-2", "shards"), "x"),
        _DIFFERS,
    ),
    (
        "the time of a step changed after the task had signed",
        lambda r: r.set_step("fit", "started", "2026-01-01T00:00:00+00:00"),
        _DIFFERS,
    ),
    (
        "the source of a step changed after the task had signed",
        lambda r: r.set_step("fit", "source_digest", _ZEROS),
        _DIFFERS,
    ),
    (
        "the digest of the model rewritten after the task had signed",
        lambda r: r.set_artifact("fit", "model", "digest", _ZEROS),
        (_DIFFERS, _CHANGED),
    ),
    ("a step that its task did not sign", _unsigned, Code.ATTESTATION_MISSING),
    ("the signatures of two tasks swapped", _swapped, _DIFFERS),
    ("a task's statement signed by another key", _by("stranger"), Code.SIGNER_UNTRUSTED),
    ("a task's statement signed by the collector", _by("signer"), Code.SIGNER_UNTRUSTED),
    (
        "a task's statement as that of a signing step",
        _by("step", IN_RUN_BUILDER),
        Code.BUILDER_UNTRUSTED,
    ),
    ("a task's key on something else", _attestation(_something_else), Code.STATEMENT_MALFORMED),
    ("a task's signature damaged", _attestation(lambda line, _: line[:-9]), Code.BUNDLE_MALFORMED),
    ("a task's signature twice", _attestation(lambda line, _: f"{line}\n{line}"), _DIFFERS),
)


_AFTERWARDS = (
    ("a task's signature removed", _unsigned),
    ("the signatures of two tasks swapped", _swapped),
)


def attacks() -> Iterator[Attack]:
    """Before an operator collects the signatures, then after."""
    for name, change, codes in STEP_SIGNED:
        found = trials(Ground.DRILL, step_signed(change), {Place.OPERATOR: codes})
        yield Attack(name, Adversary.RECORDS, found)
    for name, change in _AFTERWARDS:
        found = trials(Ground.DRILL, step_signed(change), {Place.STORE: Code.STORE_STEP_DIFFERS})
        yield Attack(f"{name}, after signing", Adversary.RECORDS, found)
