"""One in-toto link for each step of a verified chain, derived from its statements."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kfp_provenance.attest.statement import timestamp
from kfp_provenance.codes import Code
from kfp_provenance.errors import ChainError
from kfp_provenance.facts import Input, InputOrigin, Step
from kfp_provenance.layout.naming import (
    digest_set,
    material,
    product,
    root,
    source,
    step_name,
    usable_step_name,
)
from kfp_provenance.layout.sealing import key_id, seal
from kfp_provenance.lineage.checks import artifact_label, step_label
from kfp_provenance.signing import KeySigner
from kfp_provenance.verify import ChainView

if TYPE_CHECKING:
    from in_toto.models.link import Link

DigestSets = dict[str, dict[str, str]]


@dataclass(frozen=True)
class LinkFile:
    """A signed link: the name that in-toto looks for, and the file's bytes."""

    name: str
    data: bytes


def make_links(view: ChainView, signer: KeySigner) -> tuple[LinkFile, ...]:
    """Sign one link for each step.

    Args:
        view: A chain that was verified; nothing is judged here.
        signer: Key of a functionary of the layout.

    Raises:
        ChainError: LAYOUT_UNSUPPORTED if two steps have one name, or a name is no file's.
        SigningError: If the signer does not sign; no link is returned then.
    """
    from in_toto.models.link import FILENAME_FORMAT  # noqa: PLC0415 - slow to import

    names = _step_names(view)
    statements = {part.step: str(part.digest) for part in view.summary.attestations}
    keyid = key_id(signer.public)
    return tuple(
        LinkFile(
            FILENAME_FORMAT.format(step_name=names[step.id], keyid=keyid),
            seal(_link(step, names, statements[step.id]), signer),
        )
        for step in view.steps.values()
    )


def _link(step: Step, names: dict[str, str], statement: str) -> Link:
    from in_toto.models.link import Link  # noqa: PLC0415 - slow to import

    name = names[step.id]
    return Link(
        name=name,
        command=[step.component.name, str(step.component.source_digest)],
        materials=_materials(step, names),
        products={
            product(name, artifact_label(made.name, made.index)): digest_set(made.artifact)
            for made in step.outputs
        },
        byproducts={
            "return-value": 0,
            "run": step.run,
            "step": step.id,
            "statement": statement,
            "startedOn": timestamp(step.started),
            "finishedOn": timestamp(step.finished),
        },
        environment={"packages": str(step.environment), "image": step.component.image},
    )


def _materials(step: Step, names: dict[str, str]) -> DigestSets:
    materials: DigestSets = {}
    for given in step.inputs:
        name = _material(given, names)
        if name in materials:
            raise _unsupported(step, "two inputs have the same name", name)
        materials[name] = digest_set(given.artifact)
    return materials


def _material(given: Input, names: dict[str, str]) -> str:
    label = artifact_label(given.name, given.index)
    if given.origin is InputOrigin.SOURCE:
        return source(label)
    if given.origin is InputOrigin.IMPORTED:
        # also where the signer found equal bytes in the run: the pipeline does not say so
        return root(label)
    output = artifact_label(given.output, given.output_index)
    return material(label, names[given.producer], output)


def _step_names(view: ChainView) -> dict[str, str]:
    """In-toto's name of each step by its id."""
    names: dict[str, str] = {}
    taken: set[str] = set()
    for step in view.steps.values():
        name = step_name(step.task)
        if not usable_step_name(name):
            raise _unsupported(step, "the name of its task cannot be the name of a file", name)
        if name in taken:
            raise _unsupported(step, "another step has the same name", name)
        taken.add(name)
        names[step.id] = name
    return names


def _unsupported(step: Step, message: str, found: str) -> ChainError:
    return ChainError(
        Code.LAYOUT_UNSUPPORTED,
        f"in-toto cannot express this chain: {message}",
        where=step_label(step),
        found=found[:200],
        remedy="judge it with `kprov verify` and a trust policy",
    )
