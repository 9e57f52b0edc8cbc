"""The same bins for a column of two profiles, with the counts of both.

Numbers: the bins end at the deciles of the table before, so that each holds about a tenth of
it. A value that alone makes up a tenth of it or more (a zero, a code for "unknown") is a bin
of its own, with the bins of what is less and what is more on either side. The first and the
last bin have no end. The counts of the table before are exact. Those of the table after are
exact where its sketch has the end of the bin among its cells, which it has if there are at most
101 different values; otherwise each end is known to within the rows of one gap, less than a
hundredth, and rows of a gap are taken to be spread evenly.

Texts and truth values: the 20 most frequent values of both tables, each a bin, and one bin for
all the others. A value that would be expected fewer than five times in one of the tables goes
to the others (Cochran 1954, see ``measures.py``). A profile names at most 100 values; how often
another one occurs is only known not to exceed the least frequent of them. It is then taken to
be as frequent as in the other table, as far as that bound allows: doubt speaks for no drift.

``unsure`` is the share of rows whose bin is not known for these reasons.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from kfp_provenance.data.profile import ValueCount
from kfp_provenance.data.sketch import Cut, Number, Sketch
from kfp_provenance.data.values import Scalar

QUANTILES = 10
MAX_CATEGORIES = 20
OTHERS = "other values"
_EXPECTED = 5


@dataclass(frozen=True)
class Bin:
    """A bin with its counts.

    Attributes:
        name: The value, or the interval, for people.
        before: Rows of the table before.
        after: Rows of the table after.
    """

    name: str
    before: int
    after: int


@dataclass(frozen=True)
class Bins:
    """The bins that hold anything, in their order.

    Attributes:
        bins: For numbers ascending, for values the most frequent first.
        unsure: Greatest share of the rows of a table whose bin is not known, 0 to 1.
    """

    bins: tuple[Bin, ...]
    unsure: float


@dataclass(frozen=True)
class Categories:
    """Values of a column and how often they occur.

    Attributes:
        counts: By value.
        others: Rows with a value that is not among them.
    """

    counts: Mapping[Scalar, int]
    others: int = 0

    @classmethod
    def of(cls, values: tuple[ValueCount, ...], others: int = 0) -> Categories:
        """From a profile."""
        return cls({value.value: value.count for value in values}, others)

    @property
    def rows(self) -> int:
        """Rows with a value."""
        return sum(self.counts.values()) + self.others

    @property
    def unnamed(self) -> int:
        """Most rows that any value can have that is not named."""
        return min(self.others, min(self.counts.values(), default=self.others))


def ordered_bins(before: Sketch, after: Sketch, *, moments: bool) -> Bins:
    """Bins of numbers.

    Args:
        before: Of the table before; the bins come from it.
        after: Of the table after.
        moments: Whether the numbers are microseconds, for the names.
    """
    cuts = _cuts(before)
    found = [after.locate(cut) for cut in cuts]
    first = [0, *(before.locate(cut).rows for cut in cuts), before.rows]
    second = [0, *(place.rows for place in found), after.rows]
    bins = (
        Bin(name, b - b0, a - a0)
        for name, (b0, b), (a0, a) in zip(
            _names(cuts, moments=moments), pairwise(first), pairwise(second), strict=True
        )
    )
    unsure = min(sum(place.unsure for place in found) / after.rows, 1.0)
    return Bins(tuple(item for item in bins if item.before or item.after), unsure)


def _cuts(sketch: Sketch) -> list[Cut]:
    """Ends of the bins: the deciles, and both sides of a value as frequent as a bin."""
    cuts: set[Cut] = set()
    reached, numbers, rows = sketch.reached(), sketch.numbers, sketch.rows
    for step in range(1, QUANTILES + 1):
        index = next(i for i, count in enumerate(reached) if count * QUANTILES >= step * rows)
        frequent = sketch.equal[index] * QUANTILES >= rows
        if frequent:
            cuts.add(Cut(numbers[index], above=False))
        if frequent or step < QUANTILES:
            cuts.add(Cut(numbers[index], above=True))
    return sorted(cuts)


def _names(cuts: list[Cut], *, moments: bool) -> list[str]:
    def shown(value: Number) -> str:
        if not moments:
            return f"{value:.6g}" if isinstance(value, float) else str(value)
        return str(np.datetime64(int(value), "us")).removesuffix(".000000")

    names = [("≤ " if cuts[0].above else "< ") + shown(cuts[0].value)]
    for low, high in pairwise(cuts):
        if low.value == high.value:
            names.append(f"= {shown(low.value)}")
        else:
            end = "≤" if high.above else "<"
            names.append(f"> {shown(low.value)}, {end} {shown(high.value)}")
    return [*names, f"> {shown(cuts[-1].value)}"]


def category_bins(before: Categories, after: Categories) -> Bins:
    """Bins of texts, of truth values, or of the values of a label."""
    first, unsure_before = _filled(before, after)
    second, unsure_after = _filled(after, before)
    rows = (before.rows, after.rows)

    def weight(value: Scalar) -> float:
        return first[value] / rows[0] + second[value] / rows[1]

    def expected(value: Scalar) -> float:
        return min(rows) * (first[value] + second[value]) / sum(rows)

    ranked = sorted(first, key=lambda value: (-weight(value), str(value)))
    kept = [value for value in ranked if expected(value) >= _EXPECTED][:MAX_CATEGORIES]
    bins = [Bin(str(value), first[value], second[value]) for value in kept]
    rest = [value for value in ranked if value not in set(kept)]
    left = Bin(
        # a single rare value keeps its name
        str(rest[0]) if len(rest) == 1 and not before.others + after.others else OTHERS,
        rows[0] - sum(item.before for item in bins),
        rows[1] - sum(item.after for item in bins),
    )
    if left.before or left.after:
        bins.append(left)
    return Bins(tuple(bins), max(unsure_before / rows[0], unsure_after / rows[1]))


def _filled(own: Categories, other: Categories) -> tuple[dict[Scalar, int], int]:
    """Counts of all values that either table names, and how many rows are guessed at most.

    A value that only the other table names is as frequent here as there, as far as can be.
    """
    missing = [value for value in other.counts if value not in own.counts]
    guesses = {
        value: min(own.unnamed, other.counts[value] * own.rows // other.rows) for value in missing
    }
    total = sum(guesses.values())
    if total > own.others:  # more than there is: the same part of each
        guesses = {value: guess * own.others // total for value, guess in guesses.items()}
    return {**own.counts, **guesses}, min(own.others, own.unnamed * len(missing))
