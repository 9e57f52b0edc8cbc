"""A sketch of an ordered column: some of its cells, with exact counts.

The cells are the least one and the 100 percentiles by the inverse of the empirical
distribution function, which are cells of the table and never a mean of two (definition 1 of
Hyndman and Fan, Sample quantiles in statistical packages, The American Statistician 50,
1996). Beside each stands how many rows are equal to it, and how many lie between it and the
one before. So nothing is computed but ranks and counts: the same cells in any order give the
same sketch, on any processor. A column of at most 101 different values is there whole.

What is known of any number x from a sketch of n rows: how many rows are below it, exactly if x
is one of the cells, otherwise to within the rows of one gap. A gap has fewer than n / 100 rows.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from fractions import Fraction
from itertools import accumulate, pairwise
from typing import Annotated, Self

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

EXACT = 2**53 - 1
"""Greatest integer that JSON can hold exactly (RFC 8259, section 6)."""
PERCENTILES = 100
MAX_CELLS = PERCENTILES + 1

Number = int | float
LongInteger = Annotated[str, StringConstraints(pattern=r"^-?[0-9]{16,20}$")]


class StoredModel(BaseModel):
    """Base of everything in a profile: unknown keys and endless numbers are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


@dataclass(frozen=True, order=True)
class Cut:
    """A place between rows: right above ``value``, or right below it.

    Attributes:
        value: A number.
        above: Whether rows equal to ``value`` lie before the cut.
    """

    value: Number
    above: bool


@dataclass(frozen=True)
class Located:
    """How many rows lie before a cut.

    Attributes:
        rows: The best estimate; exact if ``unsure`` is 0.
        unsure: Rows of the gap that the cut falls into; the truth is at most so far away.
    """

    rows: int
    unsure: int


class Sketch(StoredModel):
    """Cells of a column with counts, in ascending order.

    Attributes:
        cells: Integers and numbers as they are; moments as microseconds since 1970-01-01 in
            UTC, or without a zone if the column has none; spans in microseconds. An integer
            that JSON cannot hold exactly is text.
        equal: For each cell, how many rows are equal to it.
        below: For each cell, how many rows lie between it and the cell before.
    """

    cells: tuple[int | float | LongInteger, ...] = Field(min_length=1, max_length=MAX_CELLS)
    equal: tuple[int, ...]
    below: tuple[int, ...]

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        numbers = self.numbers
        if not len(numbers) == len(self.equal) == len(self.below):
            raise ValueError("cells and counts differ in number")
        if not all(low < high for low, high in pairwise(numbers)):
            raise ValueError("the cells are not in ascending order")
        if min(self.equal) < 1 or min(self.below) < 0 or self.below[0] or self.rows > EXACT:
            raise ValueError("the counts are not those of a column")
        return self

    @property
    def numbers(self) -> tuple[Number, ...]:
        """The cells as numbers."""
        return tuple(int(cell) if isinstance(cell, str) else cell for cell in self.cells)

    @property
    def rows(self) -> int:
        """Rows with a value."""
        return sum(self.equal) + sum(self.below)

    @property
    def whole(self) -> bool:
        """Whether every value of the column is one of the cells."""
        return not any(self.below)

    def reached(self) -> tuple[int, ...]:
        """For each cell, how many rows are at most it."""
        return tuple(accumulate(map(sum, zip(self.below, self.equal, strict=True))))

    def locate(self, cut: Cut) -> Located:
        """How many rows lie before a cut.

        Inside a gap the rows are taken to be spread evenly, in exact arithmetic.
        """
        numbers = self.numbers
        index = bisect_left(numbers, cut.value)
        before = sum(self.below[:index]) + sum(self.equal[:index])
        if index == len(numbers):
            return Located(before, 0)
        gap = self.below[index]
        if numbers[index] == cut.value:
            return Located(before + gap + (self.equal[index] if cut.above else 0), 0)
        if not gap:
            return Located(before, 0)
        low, high = Fraction(numbers[index - 1]), Fraction(numbers[index])
        return Located(before + int(gap * (Fraction(cut.value) - low) / (high - low)), gap)


def make_sketch(values: npt.NDArray[np.int64] | npt.NDArray[np.float64]) -> Sketch:
    """Sketch a column.

    Args:
        values: At least one integer or finite number, in any order.
    """
    ordered = np.sort(values)
    rows = len(ordered)
    starts = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]]))
    if len(starts) > MAX_CELLS:
        ranks = [1, *(-(-step * rows // PERCENTILES) for step in range(1, PERCENTILES + 1))]
        picked = np.unique(ordered[np.array(ranks) - 1])
    else:
        picked = ordered[starts]
    left = np.searchsorted(ordered, picked, side="left")
    right = np.searchsorted(ordered, picked, side="right")
    return Sketch(
        cells=tuple(stored_number(cell) for cell in picked.tolist()),
        equal=tuple((right - left).tolist()),
        below=tuple((left - np.concatenate([[0], right[:-1]])).tolist()),
    )


def stored_number(value: Number) -> int | float | str:
    """A number as JSON can hold it exactly; minus zero, which equals zero, as zero."""
    if isinstance(value, int):
        return value if abs(value) <= EXACT else str(value)
    return value or 0.0
