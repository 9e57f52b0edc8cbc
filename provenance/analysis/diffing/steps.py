"""How two aligned steps differ in what was asked of them and what they ran in."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from kfp_provenance.analysis.diffing.align import StepPair
from kfp_provenance.analysis.diffing.model import CauseKind
from kfp_provenance.analysis.diffing.parameters import compare_parameters
from kfp_provenance.facts import Digest, Environment, Step

Environments = Callable[[Digest], Environment | None]

_ML_PACKAGES = frozenset(
    [
        "catboost",
        "flax",
        "jax",
        "jaxlib",
        "keras",
        "lightgbm",
        "numba",
        "numpy",
        "onnx",
        "onnxruntime",
        "pandas",
        "polars",
        "pyarrow",
        "pytorch-lightning",
        "scikit-learn",
        "scipy",
        "skops",
        "statsmodels",
        "tensorflow",
        "tokenizers",
        "torch",
        "torchvision",
        "transformers",
        "xgboost",
        "imbalanced-learn",
    ]
)
"""Packages whose versions have changed what a model learns or how data is read."""


@dataclass(frozen=True)
class StepDifference:
    """One difference between two aligned steps.

    Attributes:
        kind: What it is.
        name: Parameter or package; empty for what a step has one of.
        before: Value before; empty if there was none.
        after: Value after; likewise.
    """

    kind: CauseKind
    name: str
    before: str
    after: str


@dataclass(frozen=True)
class Compared:
    """Differences of two aligned steps.

    Attributes:
        differences: What can explain other outputs.
        notes: What could not be told.
    """

    differences: tuple[StepDifference, ...]
    notes: tuple[str, ...] = ()


def compare_steps(pair: StepPair, environments: Environments) -> Compared:
    """Everything but inputs and outputs."""
    before, after = pair.before, pair.after
    parameters = compare_parameters(before, after)
    differences = [
        *_component(before, after),
        *(
            StepDifference(
                CauseKind.SEED if change.seed else CauseKind.PARAMETER,
                change.name,
                change.before,
                change.after,
            )
            for change in parameters.changes
        ),
        *_text(CauseKind.IMAGE, before.component.image, after.component.image),
        *_environment(before, after, environments),
        *_code(before, after),
        *_text(CauseKind.OUTCOME, _outcome(before), _outcome(after)),
    ]
    moved = {inputs.after.name for inputs in pair.inputs if inputs.after and inputs.moved}
    differences += [StepDifference(CauseKind.ORDER, name, "", "") for name in sorted(moved)]
    notes = (
        f"{name} of {pair.task} is secret and recorded under different keys: it may differ"
        for name in parameters.unknown
    )
    return Compared(tuple(differences), tuple(notes))


def _text(kind: CauseKind, before: str, after: str, name: str = "") -> Iterator[StepDifference]:
    if before != after:
        yield StepDifference(kind, name, before, after)


def _component(before: Step, after: Step) -> Iterator[StepDifference]:
    one, other = before.component, after.component
    if one.name != other.name:
        yield StepDifference(CauseKind.COMPONENT, "", one.name, other.name)
        return
    yield from _text(CauseKind.SOURCE, str(one.source_digest), str(other.source_digest), one.name)
    yield from _text(CauseKind.VERSION, one.version, other.version)


def _code(before: Step, after: Step) -> Iterator[StepDifference]:
    yield from _text(CauseKind.COMMIT, _commit(before), _commit(after))


def _commit(step: Step) -> str:
    if step.code is None:
        return ""
    changes = " with uncommitted changes" if step.code.dirty else ""
    place = f" of {step.code.repository}" if step.code.repository else ""
    return f"{step.code.commit}{changes}{place}"


def _outcome(step: Step) -> str:
    failure = f": {step.failure.type}: {step.failure.message}" if step.failure else ""
    return f"{step.outcome}{failure}"


def _environment(before: Step, after: Step, environments: Environments) -> Iterator[StepDifference]:
    if before.environment == after.environment:
        return
    one, other = environments(before.environment), environments(after.environment)
    if one is None or other is None:
        yield StepDifference(
            CauseKind.ENVIRONMENT, "", str(before.environment), str(after.environment)
        )
        return
    yield from _text(CauseKind.PYTHON, one.python, other.python)
    first, second = _versions(one), _versions(other)
    for name in sorted(first.keys() | second.keys()):
        kind = CauseKind.ML_PACKAGE if name in _ML_PACKAGES else CauseKind.PACKAGE
        yield from _text(kind, first.get(name, ""), second.get(name, ""), name)


def _versions(environment: Environment) -> dict[str, str]:
    pairs = (package.partition("==") for package in environment.packages)
    return {name.lower().replace("_", "-"): version for name, _, version in pairs}
