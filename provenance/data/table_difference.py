"""How the rows of two tables differ: what ``compare_tables`` returns."""

from __future__ import annotations

from dataclasses import dataclass

from kfp_provenance.data.difference import SchemaDifference
from kfp_provenance.data.plain import JsonObject, plain_object
from kfp_provenance.data.values import Scalar
from kfp_provenance.facts import Finding


@dataclass(frozen=True)
class RowCounts:
    """What became of the rows.

    ``before = unchanged + changed + removed + unmatched_before``, and
    ``after = unchanged + changed + added + unmatched_after``.

    Attributes:
        before: Rows of the table before.
        after: Rows of the table after.
        unchanged: Rows that both have.
        changed: Rows of one key with another cell; 0 without a key.
        removed: Rows that only the table before has.
        added: Rows that only the table after has.
        unmatched_before: Rows of the table before whose key is null, or is not the key of one
            row alone in each table; 0 without a key.
        unmatched_after: Such rows of the table after.
    """

    before: int
    after: int
    unchanged: int
    changed: int
    removed: int
    added: int
    unmatched_before: int = 0
    unmatched_after: int = 0


@dataclass(frozen=True)
class CellChange:
    """A cell that changed: the key of its row, what it was and what it is."""

    key: tuple[Scalar | None, ...]
    before: Scalar | None
    after: Scalar | None


@dataclass(frozen=True)
class ColumnChanges:
    """Changes in one column.

    Attributes:
        name: Its name.
        cells: Rows of both tables in which its cell is another one.
        examples: The first of them, in the order of the table before.
    """

    name: str
    cells: int
    examples: tuple[CellChange, ...] = ()


@dataclass(frozen=True)
class Transition:
    """Rows whose label was one value and is another."""

    before: Scalar
    after: Scalar
    rows: int


@dataclass(frozen=True)
class LabelFlips:
    """Rows whose label changed.

    Attributes:
        name: Column of the label.
        exact: Whether rows were matched by key. Otherwise a row was matched with one that is
            equal in all other columns; ``flipped`` is the least number of flips among those.
        compared: Pairs of rows that were matched, with a label in both tables.
        flipped: How many of them have another label.
        share: ``flipped / compared``, 0 to 1; None if nothing was compared.
        repeated: Of the pairs, those where several rows of a table are equal in all but the
            label, so that it is not known which is which; 0 with a key.
        unmatched_before: Labelled rows of the table before that were not compared.
        unmatched_after: Labelled rows of the table after that were not compared.
        transitions: The 20 most frequent changes, as far as it is known which row is which.
        reason: Why labels cannot be compared; empty if they can.
    """

    name: str
    exact: bool
    compared: int = 0
    flipped: int = 0
    share: float | None = None
    repeated: int = 0
    unmatched_before: int = 0
    unmatched_after: int = 0
    transitions: tuple[Transition, ...] = ()
    reason: str = ""


@dataclass(frozen=True)
class TableDifference:
    """How two tables differ, row by row.

    Attributes:
        schema: Columns; types are those of Arrow.
        key: Columns that name a row; empty if rows were compared as wholes.
        rows: What became of the rows, over the columns of both tables that can be compared.
        columns: By key, the columns of both but the key, in the order of the table before.
        not_compared: Columns of both whose values cannot be compared, for example text with
            numbers.
        labels: None if no label was named.
        findings: What is wrong with the key; empty if it names each row of each table.
    """

    schema: SchemaDifference
    key: tuple[str, ...]
    rows: RowCounts
    columns: tuple[ColumnChanges, ...]
    not_compared: tuple[str, ...]
    labels: LabelFlips | None
    findings: tuple[Finding, ...] = ()

    @property
    def equal(self) -> bool:
        """Whether both tables hold the same rows in the same columns, in any order."""
        rows = self.rows
        moved = rows.before - rows.unchanged + rows.after - rows.unchanged
        return not (moved or self.schema.changed or self.not_compared)

    def to_json(self) -> JsonObject:
        """Plain JSON."""
        return plain_object(self)
