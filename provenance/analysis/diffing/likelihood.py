"""How likely a cause explains that a later artifact is another one.

A heuristic order, the same for the same facts, and no proof of causation: whether a model is
different *because of* a cause is only known by a run in which nothing but the cause changes.
The order is what people look at first, and the scores only order; they are no probabilities.

| cause | score | when |
|---|---|---|
| label | 0.95 | 5 % of the labels or more flipped, or the PSI of the label is 0.25 or more |
| | 0.85 | 1 % or more flipped, or PSI 0.1 or more |
| | 0.60 | 0.1 % or more |
| | 0.45 | fewer |
| schema | 0.90 | columns were added, removed, or hold another type |
| | 0.50 | integers became other numbers or the reverse |
| | 0.30 | the columns are in another order |
| wiring | 0.85 | a step reads another output of the same step |
| outcome | 0.82 | a step failed on one side |
| drift | 0.80 | PSI of a feature 0.25 or more |
| | 0.66 | PSI 0.1 or more |
| steps, input | 0.78 | a step, or an input of a step, is there on one side only |
| nulls | 0.76 | the share of nulls of a column changed by 5 points or more |
| | 0.55 | by 1 point or more |
| | 0.35 | by less |
| component | 0.75 | another component stands at the same place |
| origin | 0.72 | a step wrote on one side what came from outside on the other |
| parameter | 0.70 | of a step that wrote what is compared |
| | 0.65 | of another step |
| rows | 0.68 | 10 % of the rows or more were added or removed |
| | 0.58 | 1 % or more |
| | 0.44 | fewer |
| bytes | 0.67 | other bytes from outside, of which no more is known |
| range | 0.62 | 1 % of the values or more lie outside the earlier range |
| component source | 0.60 | the function is another one |
| cells | 0.59 | 10 % of the rows or more hold other values |
| | 0.54 | 1 % or more |
| | 0.42 | fewer |
| machine-learning packages | 0.50 | versions that can change what a model learns |
| seed | 0.48 | random numbers are other ones |
| image | 0.40 | another image, with other packages or Python |
| | 0.28 | another image, with the same Python and packages |
| python | 0.38 | another Python or processor |
| environment | 0.36 | another environment that is not in the store |
| order of inputs | 0.34 | a list has the same artifacts in another order |
| other packages | 0.25 | |
| component version | 0.21 | with the same source |
| same table | 0.20 | the same rows in other bytes or another order |
| commit | 0.15 | another commit with the same source of the component |
| not reproducible | 0.10 | nothing recorded differs but the outputs |

A cause that is not where the chains part first, but at a step which reads different inputs
anyway, counts 0.95 of that. A PSI counts only if it is greater than what chance makes of
tables of that size (``psi_by_chance``). Limits of PSI: Siddiqi, Credit Risk Scorecards, 2006.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from kfp_provenance.analysis.diffing.model import CauseKind
from kfp_provenance.data.measures import LARGE_PSI, SMALL_PSI

DOWNSTREAM = 0.95
_LARGE_FLIPS, _SOME_FLIPS, _FEW_FLIPS = 0.05, 0.01, 0.001
_LARGE_NULLS, _SOME_NULLS = 0.05, 0.01
_LARGE_ROWS, _SOME_ROWS = 0.1, 0.01
OUTSIDE_RANGE = 0.01
"""Share of values outside the earlier range from which on it is a cause."""


@dataclass(frozen=True)
class Likelihood:
    """A score, 0 to 1, and why."""

    score: float
    why: str

    def downstream(self) -> Likelihood:
        """Of a cause at a step whose inputs differ anyway."""
        why = f"{self.why}; below another divergence"
        return Likelihood(round(self.score * DOWNSTREAM, 3), why)


FIXED: Mapping[CauseKind, Likelihood] = {
    CauseKind.WIRING: Likelihood(0.85, "a step reads another artifact than before"),
    CauseKind.OUTCOME: Likelihood(0.82, "a step ended otherwise"),
    CauseKind.STEPS: Likelihood(0.78, "a step that one chain lacks changes what comes behind it"),
    CauseKind.INPUT: Likelihood(0.78, "a step got an artifact that its counterpart lacks"),
    CauseKind.COMPONENT: Likelihood(0.75, "another component did the work"),
    CauseKind.ORIGIN: Likelihood(0.72, "the content came another way"),
    CauseKind.BYTES: Likelihood(0.67, "other bytes from outside; what differs is not known"),
    CauseKind.SOURCE: Likelihood(0.60, "the code of the step is another one"),
    CauseKind.ML_PACKAGE: Likelihood(0.50, "such packages change results between versions"),
    CauseKind.SEED: Likelihood(0.48, "random numbers change results, mostly a little"),
    CauseKind.PYTHON: Likelihood(0.38, "another interpreter or processor, mostly without effect"),
    CauseKind.ENVIRONMENT: Likelihood(0.36, "another environment, of unknown content"),
    CauseKind.ORDER: Likelihood(0.34, "some components depend on the order of their inputs"),
    CauseKind.PACKAGE: Likelihood(0.25, "packages that seldom change results"),
    CauseKind.VERSION: Likelihood(0.21, "the component's own source is the same"),
    CauseKind.SAME_TABLE: Likelihood(0.20, "the rows are the same; their order or coding is not"),
    CauseKind.COMMIT: Likelihood(0.15, "what the step ran has the same source"),
    CauseKind.NOT_REPRODUCIBLE: Likelihood(0.10, "nothing that is recorded explains it"),
}


def of_label(flipped: float | None, psi: float | None) -> Likelihood:
    """Of labels that changed.

    Args:
        flipped: Share of labels that are other ones at equal features; None if unknown.
        psi: Of the label's distribution, if it is more than chance.
    """
    share, shift = flipped or 0.0, psi or 0.0
    if share >= _LARGE_FLIPS or shift >= LARGE_PSI:
        return Likelihood(0.95, "5 % of the labels flipped or more, or a PSI of 0.25 or more")
    if share >= _SOME_FLIPS or shift >= SMALL_PSI:
        return Likelihood(0.85, "1 % of the labels flipped or more, or a PSI of 0.1 or more")
    if share >= _FEW_FLIPS:
        return Likelihood(0.60, "less than 1 % of the labels flipped")
    return Likelihood(0.45, "less than 0.1 % of the labels flipped")


def of_schema(*, columns: bool, numbers: bool) -> Likelihood:
    """Of other columns; ``numbers`` if only the type of numbers changed."""
    if columns:
        return Likelihood(0.90, "other columns are another problem to learn")
    if numbers:
        return Likelihood(0.50, "the same columns, with another type of number")
    return Likelihood(0.30, "the same columns in another order")


def of_drift(psi: float) -> Likelihood:
    """Of the feature that moved most."""
    if psi >= LARGE_PSI:
        return Likelihood(0.80, f"a PSI of {LARGE_PSI} or more is another population")
    return Likelihood(0.66, f"a PSI of {SMALL_PSI} or more is a moderate shift")


def of_nulls(change: float) -> Likelihood:
    """Of the column whose share of nulls changed most, 0 to 1."""
    if change >= _LARGE_NULLS:
        return Likelihood(0.76, "nulls changed by 5 points or more: values are made up instead")
    if change >= _SOME_NULLS:
        return Likelihood(0.55, "nulls changed by 1 point or more")
    return Likelihood(0.35, "nulls changed by less than 1 point")


def of_rows(share: float) -> Likelihood:
    """Of rows that were added or removed, as a share of the rows before."""
    if share >= _LARGE_ROWS:
        return Likelihood(0.68, "10 % of the rows or more were added or removed")
    if share >= _SOME_ROWS:
        return Likelihood(0.58, "1 % of the rows or more were added or removed")
    return Likelihood(0.44, "less than 1 % of the rows were added or removed")


def of_cells(share: float) -> Likelihood:
    """Of rows that hold other values, as a share of the rows before."""
    if share >= _LARGE_ROWS:
        return Likelihood(0.59, "10 % of the rows or more hold other values, of no other shape")
    if share >= _SOME_ROWS:
        return Likelihood(0.54, "1 % of the rows or more hold other values, of no other shape")
    return Likelihood(0.42, "less than 1 % of the rows hold other values")


def of_range() -> Likelihood:
    """Of values outside the earlier range."""
    return Likelihood(0.62, "a model extrapolates where it has seen nothing")


def of_parameter(*, at_subject: bool) -> Likelihood:
    """Of a parameter; ``at_subject`` if the step wrote what is compared."""
    if at_subject:
        return Likelihood(0.70, "a parameter of the step that wrote what is compared")
    return Likelihood(0.65, "a parameter of a step on the way")


def of_image(*, environment_differs: bool) -> Likelihood:
    """Of another image; less if Python and packages in it are the same."""
    if environment_differs:
        return Likelihood(0.40, "another image, with another environment in it")
    return Likelihood(0.28, "another image, with the same Python and packages in it")
