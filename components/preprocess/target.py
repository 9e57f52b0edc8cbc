"""The label: a column as it is, or a yes/no question about a column."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import model_validator

from kfp_provenance.codes import Code
from kfp_provenance.components._parameters import ParameterModel, invalid
from kfp_provenance.errors import DataError

_RULES = {
    "above": pc.greater,
    "at_least": pc.greater_equal,
    "below": pc.less,
    "at_most": pc.less_equal,
    "equals": pc.equal,
}


class Target(ParameterModel):
    """A label made from a column: 1 where the rule holds, else 0.

    ``{"column": "arr_delay", "above": 15}`` is 1 for a delay of more than 15.

    Attributes:
        column: Column that the rule looks at; it never becomes a feature.
        above: Exactly one of the five rules is given.
        at_least: See above.
        below: See above.
        at_most: See above.
        equals: See above.
    """

    column: str
    above: float | None = None
    at_least: float | None = None
    below: float | None = None
    at_most: float | None = None
    equals: bool | float | str | None = None

    @model_validator(mode="after")
    def _one_rule(self) -> Target:
        if len(self._given()) != 1:
            raise ValueError(f"exactly one of {', '.join(_RULES)} expected")
        return self

    def _given(self) -> list[str]:
        return [rule for rule in _RULES if getattr(self, rule) is not None]

    def apply(self, column: pa.ChunkedArray) -> pa.ChunkedArray:
        """1 or 0 for each row, null where the column is null.

        Raises:
            DataError: PARAMETER_INVALID if the rule does not fit the column's type.
        """
        rule = self._given()[0]
        try:
            return _RULES[rule](column, pa.scalar(getattr(self, rule))).cast(pa.int8())
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            raise invalid(
                "target", f"{rule!r} cannot be asked of a {column.type} column", found=self.column
            ) from error


@dataclass(frozen=True)
class Labelled:
    """A table whose rows all have a label.

    Attributes:
        table: All columns of the input, rows without a label dropped.
        label: The label of each row.
        dropped: Number of rows without a label.
    """

    table: pa.Table
    label: pa.ChunkedArray
    dropped: int


def label_rows(table: pa.Table, label: str, target: Target | None) -> Labelled:
    """Give every row its label and drop the rows that have none.

    Args:
        table: The data set.
        label: Name of the label column; with ``target`` the name of the new one.
        target: How the label is made; None takes the column ``label`` itself.

    Raises:
        DataError: DATA_SCHEMA_VIOLATED if a column is missing or no row has a label,
            PARAMETER_INVALID if the label's name is empty or already taken.
    """
    if not label:
        raise invalid("label", "the label column must be named")
    source = target.column if target else label
    if source not in table.column_names:
        raise DataError(
            Code.DATA_SCHEMA_VIOLATED,
            f"the data has no column {source!r} to predict",
            where=f"column {source!r}",
            found=", ".join(table.column_names[:20]),
            remedy="name a column of the data as `label`, or in `target`",
        )
    if target and label in table.column_names:
        raise invalid("label", f"{label!r} is a column already; name the new label otherwise")
    values = target.apply(table.column(source)) if target else table.column(source)
    known = pc.is_valid(values)
    if not pc.any(known).as_py():
        raise DataError(
            Code.DATA_SCHEMA_VIOLATED,
            "no row has a label",
            where=f"column {source!r}",
            remedy="check the column",
        )
    return Labelled(table.filter(known), values.filter(known), values.null_count)
