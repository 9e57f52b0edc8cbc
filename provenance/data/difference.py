"""How two tables differ as far as their profiles tell: what ``compare_profiles`` returns."""

from __future__ import annotations

from dataclasses import dataclass

from kfp_provenance.data.binning import Bin
from kfp_provenance.data.measures import ChiSquare
from kfp_provenance.data.plain import JsonObject, plain_object
from kfp_provenance.data.values import Scalar


@dataclass(frozen=True)
class TypeChange:
    """A column with other values than before.

    Attributes:
        column: Its name.
        before: Type before; ``empty`` if no row had a value.
        after: Type after, likewise.
    """

    column: str
    before: str
    after: str


@dataclass(frozen=True)
class SchemaDifference:
    """How the columns differ.

    Attributes:
        added: Names that only the table after has, in its order.
        removed: Names that only the table before has, in its order.
        retyped: Columns of both whose type is another one.
        reordered: Whether the columns of both stand in another order.
    """

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    retyped: tuple[TypeChange, ...] = ()
    reordered: bool = False

    @property
    def changed(self) -> bool:
        """Whether there is any difference but the order."""
        return bool(self.added or self.removed or self.retyped)


@dataclass(frozen=True)
class Drift:
    """How far apart two distributions are; see ``measures.py`` for each figure.

    Attributes:
        psi: Population stability index.
        psi_by_chance: What it exceeds in 1 of 20 pairs of such tables if nothing changed.
        chi_square: Pearson's test.
        cramers_v: Size of the effect, 0 to 1.
        total_variation: Least share of rows that moved to another bin, 0 to 1.
        unsure: Greatest share of rows whose bin is not known; 0 if the counts are exact.
        bins: The counts that all this is of.
    """

    psi: float
    psi_by_chance: float
    chi_square: ChiSquare
    cramers_v: float
    total_variation: float
    unsure: float
    bins: tuple[Bin, ...]


@dataclass(frozen=True)
class ColumnSummary:
    """What a profile says of a column, without its distribution.

    Attributes:
        type: As in the profile.
        nulls: Share of the rows without a value, 0 to 1.
        distinct: Number of different values.
        minimum: Least value, if it has an order.
        maximum: Greatest value, likewise.
        mean: Of numbers.
        std: Standard deviation of numbers.
    """

    type: str
    nulls: float
    distinct: int
    minimum: Scalar | None = None
    maximum: Scalar | None = None
    mean: float | None = None
    std: float | None = None


@dataclass(frozen=True)
class ColumnDifference:
    """How one column of both tables differs.

    Attributes:
        name: Its name.
        before: What it was.
        after: What it is.
        null_increase: Share of nulls after less share before, -1 to 1.
        outside: Share of the values after that are less than the minimum or more than the
            maximum before, 0 to 1; known to a hundredth. None without an order.
        drift: Of the distribution; nulls are no part of it. None if it cannot be measured.
        reason: Why it cannot; empty if it can.
    """

    name: str
    before: ColumnSummary
    after: ColumnSummary
    null_increase: float
    outside: float | None
    drift: Drift | None
    reason: str = ""


@dataclass(frozen=True)
class LabelDifference:
    """How the distribution of the label differs.

    Attributes:
        name: Column of the label.
        drift: None if it cannot be measured.
        flipped_at_least: If both tables hold the same rows, the least share of them whose label
            is another one: the total variation distance. The true share can be anything above;
            it is 0 for flips that go both ways equally often. None for a label of more than
            100 values, which is a number to predict.
        reason: Why the drift cannot be measured; empty if it can.
    """

    name: str
    drift: Drift | None
    flipped_at_least: float | None
    reason: str = ""


@dataclass(frozen=True)
class ProfileDifference:
    """How two tables differ as far as their profiles tell.

    Attributes:
        rows_before: Rows of the table before.
        rows_after: Rows of the table after.
        row_change: Rows after less rows before, as a share of rows before; None if there were
            none before.
        schema: Columns.
        columns: Columns of both tables, in the order of the table before.
        label: None if no label was named, here or in a profile.
    """

    rows_before: int
    rows_after: int
    row_change: float | None
    schema: SchemaDifference
    columns: tuple[ColumnDifference, ...]
    label: LabelDifference | None

    def to_json(self) -> JsonObject:
        """Plain JSON."""
        return plain_object(self)
