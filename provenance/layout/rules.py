"""A plan as an in-toto layout: steps with artifact rules, signed.

in-toto applies rules like a firewall: MATCH and CREATE take artifacts out of a queue, REQUIRE
fails if one is not in it, and DISALLOW * at the end fails if anything is left.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from kfp_provenance.codes import Code
from kfp_provenance.errors import AuthoringError
from kfp_provenance.layout.naming import (
    EVERYTHING,
    SOURCES,
    input_folder,
    material,
    pattern,
    product,
    root,
)
from kfp_provenance.layout.plan import Plan, PlannedStep
from kfp_provenance.layout.sealing import key_entry, key_id, seal
from kfp_provenance.signing import KeySigner, PublicKey

if TYPE_CHECKING:
    from in_toto.models.layout import Inspection

Rule = list[str]

_NOTHING = "true"
"""The command of the inspection; in-toto hashes the files of the folder around it."""


def make_layout(
    plan: Plan,
    *,
    signer: KeySigner,
    functionaries: Sequence[PublicKey],
    expires: datetime,
    readers: Collection[str] | None = None,
    inspect_model: bool = False,
) -> bytes:
    """The signed layout, as the file that ``in-toto-verify --layout`` reads.

    Args:
        plan: What a chain must look like.
        signer: Key of whoever decides that.
        functionaries: Keys that may sign links; any one of them is enough for a step.
        expires: When the layout stops being valid, with a time zone.
        readers: Steps that may read from outside the pipeline; None stands for all.
        inspect_model: Whether verifying compares the model in the current folder, too.

    Raises:
        AuthoringError: LAYOUT_UNSUPPORTED if a reader is no step of the plan.
        SigningError: If the signer does not sign.
    """
    from in_toto.models.layout import Layout, Step  # noqa: PLC0415 - slow to import

    _check_readers(plan, readers)
    keys = {key_id(public): key_entry(public) for public in functionaries}
    steps = [
        Step(
            name=step.name,
            pubkeys=list(keys),
            threshold=1,
            expected_command=[step.component, step.source],
            expected_materials=material_rules(
                step, reads_sources=readers is None or step.name in readers
            ),
            expected_products=product_rules(step),
        )
        for step in plan.steps
    ]
    layout = Layout(
        steps=steps,
        inspect=[_inspection(plan)] if inspect_model else [],
        keys=keys,
        expires=expires.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        readme=f"Signed chain of the pipeline {plan.pipeline}.",
    )
    return seal(layout, signer)


def material_rules(step: PlannedStep, *, reads_sources: bool) -> list[Rule]:
    """Each input is there, is what its producer made, and there is no other."""
    rules: list[Rule] = []
    for given in step.inputs:
        rules += [
            ["REQUIRE", material(given.name, given.producer, given.output)],
            [
                "MATCH",
                pattern(product(given.producer, given.output)),
                *("IN", input_folder(given.name)),
                *("WITH", "PRODUCTS", "FROM", given.producer),
            ],
        ]
    for name in step.roots:
        rules += [["REQUIRE", root(name)], ["ALLOW", pattern(root(name))]]
    if reads_sources:
        rules.append(["ALLOW", SOURCES])
    return [*rules, ["DISALLOW", EVERYTHING]]


def product_rules(step: PlannedStep) -> list[Rule]:
    """What somebody takes is there, and nothing is made that was not declared."""
    return [
        *(["REQUIRE", product(step.name, name)] for name in step.required),
        *(["CREATE", pattern(product(step.name, name))] for name in step.outputs),
        ["DISALLOW", EVERYTHING],
    ]


def _inspection(plan: Plan) -> Inspection:
    from in_toto.models.layout import Inspection  # noqa: PLC0415 - slow to import

    step, output = plan.model
    name = product(step, output)
    rules = [
        ["REQUIRE", name],
        ["MATCH", pattern(name), "WITH", "PRODUCTS", "FROM", step],
        ["DISALLOW", pattern(name)],
    ]
    return Inspection(name=_unused(plan), run=[_NOTHING], expected_materials=rules)


def _unused(plan: Plan) -> str:
    """A name for the inspection that no step has; in-toto writes a file of this name."""
    name, steps = "inspect-model", {step.name for step in plan.steps}
    while name in steps:
        name += "-"
    return name


def _check_readers(plan: Plan, readers: Collection[str] | None) -> None:
    known = [step.name for step in plan.steps]
    for name in readers or ():
        if name not in known:
            raise AuthoringError(
                Code.LAYOUT_UNSUPPORTED,
                "the layout has no such step",
                where=name,
                expected="one of " + ", ".join(known),
                remedy="name a task that the signed chain contains",
            )
