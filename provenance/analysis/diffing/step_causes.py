"""Causes that lie in the steps: parameters, code, image, environment, or nothing at all."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from kfp_provenance.analysis.diffing import likelihood
from kfp_provenance.analysis.diffing.align import StepPair
from kfp_provenance.analysis.diffing.data_causes import MAX_EXAMPLES
from kfp_provenance.analysis.diffing.likelihood import FIXED, Likelihood
from kfp_provenance.analysis.diffing.model import Cause, CauseKind
from kfp_provenance.analysis.diffing.parameters import shortened
from kfp_provenance.analysis.diffing.steps import StepDifference

_PACKAGES = (CauseKind.ML_PACKAGE, CauseKind.PACKAGE)
_ENVIRONMENT = frozenset(
    {CauseKind.ML_PACKAGE, CauseKind.PACKAGE, CauseKind.PYTHON, CauseKind.ENVIRONMENT}
)
_HEX = re.compile(r"\b(?:[0-9a-f]{64}|[0-9a-f]{40})\b")
_TASKS = 3
"""Tasks that are named in a sentence."""


@dataclass(frozen=True)
class PairDifferences:
    """What was found of one pair of steps.

    Attributes:
        pair: The steps.
        differences: In what they differ besides inputs and outputs.
        first: Whether the chains part here.
        at_subject: Whether they wrote what is compared.
    """

    pair: StepPair
    differences: tuple[StepDifference, ...]
    first: bool
    at_subject: bool


def step_causes(compared: Iterable[PairDifferences]) -> list[Cause]:
    """Causes; what several steps have in common is one of them."""
    groups: defaultdict[StepDifference, list[PairDifferences]] = defaultdict(list)
    packages: defaultdict[CauseKind, dict[StepDifference, list[PairDifferences]]]
    packages = defaultdict(lambda: defaultdict(list))
    for found in compared:
        for difference in found.differences:
            if difference.kind in _PACKAGES:
                packages[difference.kind][difference].append(found)
            else:
                groups[difference].append(found)
    causes = [_cause(difference, where) for difference, where in groups.items()]
    return causes + [_package_cause(kind, changes) for kind, changes in packages.items()]


def not_reproducible(pair: StepPair, outputs: str) -> Cause:
    """Of a step that wrote other bytes although nothing that is recorded differs."""
    title = (
        f"{pair.task} wrote other bytes of {outputs} from the same inputs, parameters, code and "
        "environment"
        if pair.inputs
        else f"{pair.task}, which reads no artifact, wrote other bytes of {outputs}: it is not "
        "reproducible, or it reads something that is not recorded"
    )
    likely = FIXED[CauseKind.NOT_REPRODUCIBLE]
    return Cause(
        CauseKind.NOT_REPRODUCIBLE, title, (pair.task,), likely.score, likely.why, name=outputs
    )


def change(before: str, after: str) -> str:
    """How a value changed, in words that follow its name."""
    if not before:
        return f" was added: {after}"
    return f": {before} became {after}" if after else f" was removed: {before}"


def task_list(tasks: Iterable[str]) -> str:
    """Some tasks, and how many more."""
    names = list(dict.fromkeys(tasks))
    more = f" and {len(names) - _TASKS} more" if len(names) > _TASKS else ""
    return ", ".join(names[:_TASKS]) + more


def _cause(difference: StepDifference, where: list[PairDifferences]) -> Cause:
    tasks = tuple(dict.fromkeys(found.pair.task for found in where))
    likely = max((_likelihood(difference, found) for found in where), key=lambda one: one.score)
    return Cause(
        difference.kind,
        _TITLES[difference.kind](difference, task_list(tasks)),
        tasks,
        likely.score,
        likely.why,
        name=difference.name,
        before=difference.before,
        after=difference.after,
    )


def _likelihood(difference: StepDifference, found: PairDifferences) -> Likelihood:
    if difference.kind is CauseKind.PARAMETER:
        likely = likelihood.of_parameter(at_subject=found.at_subject)
    elif difference.kind is CauseKind.IMAGE:
        inside = any(other.kind in _ENVIRONMENT for other in found.differences)
        likely = likelihood.of_image(environment_differs=inside)
    else:
        likely = FIXED[difference.kind]
    return likely if found.first else likely.downstream()


def _package_cause(
    kind: CauseKind, changes: Mapping[StepDifference, list[PairDifferences]]
) -> Cause:
    lines = [f"{d.name}{change(d.before, d.after)}" for d in changes]
    more = f" and {len(lines) - 1} more" if len(lines) > 1 else ""
    places = [found for where in changes.values() for found in where]
    tasks = tuple(dict.fromkeys(found.pair.task for found in places))
    likely = FIXED[kind] if any(f.first for f in places) else FIXED[kind].downstream()
    first = next(iter(changes))
    what = "package" if len(lines) == 1 else "packages"
    return Cause(
        kind,
        f"{what} of {task_list(tasks)}, {lines[0]}{more}",
        tasks,
        likely.score,
        likely.why,
        name=first.name,
        before=first.before,
        after=first.after,
        evidence=(("packages", len(lines)),),
        examples=tuple(lines[:MAX_EXAMPLES]),
        more_examples=max(0, len(lines) - MAX_EXAMPLES),
    )


def _parameter_title(difference: StepDifference, tasks: str) -> str:
    before, after = (shortened(text, 80) for text in (difference.before, difference.after))
    return f"parameter {difference.name!r} of {tasks}{change(before, after)}"


def _value_title(what: str) -> Callable[[StepDifference, str], str]:
    return lambda d, tasks: f"{what} of {tasks}{change(_brief(d.before), _brief(d.after))}"


def _brief(text: str) -> str:
    """Digests and commits in the length in which people tell them apart."""
    return shortened(_HEX.sub(lambda found: found[0][:12], text), 120)


_TITLES: Mapping[CauseKind, Callable[[StepDifference, str], str]] = {
    CauseKind.PARAMETER: _parameter_title,
    CauseKind.SEED: _parameter_title,
    CauseKind.COMPONENT: _value_title("component"),
    CauseKind.SOURCE: _value_title("source code"),
    CauseKind.VERSION: _value_title("version of the component"),
    CauseKind.IMAGE: _value_title("image"),
    CauseKind.PYTHON: _value_title("Python"),
    CauseKind.ENVIRONMENT: _value_title("environment"),
    CauseKind.COMMIT: _value_title("commit"),
    CauseKind.OUTCOME: _value_title("outcome"),
    CauseKind.ORDER: lambda d, tasks: (
        f"the artifacts of {d.name!r} of {tasks} are in another order"
    ),
}
