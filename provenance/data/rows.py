"""Rows as numbers: equal rows of two tables get equal numbers, column by column.

Exact, not by hashes: a collision can be made on purpose, and an altered row would count as
unchanged. Memory holds eight bytes a row and one column of both tables at a time.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from kfp_provenance.data.opening import TableFile

Integers = npt.NDArray[np.int64]
Truths = npt.NDArray[np.bool_]

_LARGEST = 2**63 - 1


class RowNumbers:
    """Numbers of the rows of two tables over some of their columns.

    Before any column, all rows are equal. Nulls are equal to each other.

    Args:
        before: One table.
        after: The other.
    """

    def __init__(self, before: TableFile, after: TableFile) -> None:
        self._tables = before, after
        self._numbers: Integers = np.zeros(before.rows + after.rows, dtype=np.int64)
        self._space = 1  # all numbers are less
        self._dense = True

    @property
    def before(self) -> Integers:
        """Numbers of the rows of the table before, from 0 without gaps over both tables."""
        return self._without_gaps()[: self._tables[0].rows]

    @property
    def after(self) -> Integers:
        """Numbers of the rows of the table after."""
        return self._without_gaps()[self._tables[0].rows :]

    @property
    def different(self) -> int:
        """How many different rows there are in both tables together."""
        return self._space if len(self._without_gaps()) else 0

    def counts(self) -> tuple[Integers, Integers]:
        """How often each row occurs in the one table and in the other."""
        before = np.bincount(self.before, minlength=self.different)
        return before, np.bincount(self.after, minlength=self.different)

    def refine(self, name: str) -> bool:
        """Tell rows apart by one more column.

        Returns:
            False if its values cannot be compared, and nothing was done.
        """
        pair = paired(*self._tables, name)
        if pair is None:
            return False
        before, after = pair
        codes, different = _codes(pa.chunked_array([*before.chunks, *after.chunks], before.type))
        if self._space * different > _LARGEST:
            self._without_gaps()
        self._numbers = self._numbers * different + codes
        self._space *= different
        self._dense = False
        return True

    def copy(self) -> RowNumbers:
        """The same numbers, to be refined apart."""
        other = RowNumbers(*self._tables)
        other._numbers, other._space = self._without_gaps(), self._space
        return other

    def _without_gaps(self) -> Integers:
        """Number the rows anew, which takes longer than anything else here: only if needed."""
        if not self._dense:
            self._numbers, self._space = _codes(pa.chunked_array([pa.array(self._numbers)]))
            self._dense = True
        return self._numbers


def _codes(values: pa.ChunkedArray) -> tuple[Integers, int]:
    """Each value's number, and how many numbers there are."""
    encoded = pc.dictionary_encode(values, null_encoding="encode")
    if not encoded.num_chunks:
        return np.zeros(0, dtype=np.int64), 1
    codes = [chunk.indices.to_numpy(zero_copy_only=False) for chunk in encoded.chunks]
    # every chunk has the dictionary of all of them, or the beginning of it
    return np.concatenate(codes).astype(np.int64), max(len(c.dictionary) for c in encoded.chunks)


def paired(
    first: TableFile, second: TableFile, name: str
) -> tuple[pa.ChunkedArray, pa.ChunkedArray] | None:
    """A column of both tables in one type that holds all values exactly; None without one."""
    before, after = first.column(name), second.column(name)
    old, new = before.type, after.type
    if pa.types.is_string(old) and pa.types.is_string(new):
        target = pa.large_string()  # all of a column in one piece may have more than 2 GiB
    elif pa.types.is_null(old):
        target = pa.bool_() if pa.types.is_null(new) else new
    elif old == new:
        return before, after
    elif pa.types.is_null(new):
        target = old
    elif pa.types.is_integer(old) and pa.types.is_integer(new):
        target = pa.int64()
    elif _number(old) and _number(new):
        target = pa.float64()
    elif pa.types.is_timestamp(old) and pa.types.is_timestamp(new) and old.tz == new.tz:
        target = pa.timestamp("ns", tz=old.tz)
    else:
        return None
    try:
        return before.cast(target), after.cast(target)  # an inexact cast is an error
    except pa.ArrowInvalid:
        return None


def _number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind))


def differing(before: pa.ChunkedArray, after: pa.ChunkedArray) -> Truths:
    """Where two columns of equal type and length differ; a null equals a null alone."""
    unequal = pc.fill_null(pc.not_equal(before, after), False)  # noqa: FBT003 - pyarrow's signature
    one_null = pc.xor(pc.is_null(before), pc.is_null(after))
    truths: Truths = pc.or_(unequal, one_null).to_numpy()
    return truths
