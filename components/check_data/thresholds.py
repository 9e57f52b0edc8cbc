"""Thresholds: how much the data may differ."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

from pydantic import BeforeValidator, Field

from kfp_provenance.components._parameters import ParameterModel, invalid, parse, whole_numbers
from kfp_provenance.data.measures import LARGE_PSI, SMALL_PSI

OFF = "off"
"""In place of a number: no limit. KFP takes no null inside a dict."""


def _none_if_off(value: object) -> object:
    return None if value == OFF else value


_Off = BeforeValidator(_none_if_off)
Size = Annotated[Annotated[float, Field(ge=0)] | None, _Off]
Share = Annotated[Annotated[float, Field(ge=0, le=1)] | None, _Off]
Rows = Annotated[Annotated[int, Field(ge=0)] | None, _Off]


class ColumnLimits(ParameterModel):
    """Limits of one column; those that are not given are the table's, ``off`` is no limit.

    Attributes:
        max_psi: As in :class:`Limits`.
        max_null_increase: As in :class:`Limits`.
        max_nulls: As in :class:`Limits`.
        ignore: Whether nothing but its presence and type is judged.
    """

    max_psi: Size = None
    max_null_increase: Share = None
    max_nulls: Share = None
    ignore: bool = False


class Limits(ParameterModel):
    """Limits of a table; ``off`` is no limit.

    Attributes:
        max_psi: Greatest population stability index of a column. Columns of moments are judged
            only if they have a limit of their own: time goes on.
        max_label_psi: Greatest population stability index of the label.
        max_label_flip: Greatest share of rows with another label: counted if the data sets are
            compared, else the least that the distributions allow.
        max_null_increase: Greatest increase of a column's share of nulls.
        max_row_change: Greatest change of the number of rows, as a share of those before.
        allow_schema_change: Whether columns may come, go and change their types.
        allow_reordering: Whether columns may stand in another order.
        min_rows: Least number of rows; holds without a baseline too.
        max_nulls: Greatest share of nulls in a column; holds without a baseline too.
        columns: Limits of single columns.
    """

    max_psi: Size = LARGE_PSI
    max_label_psi: Size = SMALL_PSI
    max_label_flip: Share = 0.1
    max_null_increase: Share = 0.05
    max_row_change: Size = 0.5
    allow_schema_change: bool = False
    allow_reordering: bool = True
    min_rows: Rows = None
    max_nulls: Share = None
    columns: dict[str, ColumnLimits] = Field(default_factory=dict)

    @classmethod
    def from_parameter(cls, value: dict[str, object]) -> Limits:
        """Read the parameter ``thresholds``.

        Raises:
            DataError: PARAMETER_INVALID.
        """
        return parse(cls, whole_numbers(value), "thresholds")

    def check_columns(self, known: Iterable[str]) -> None:
        """Refuse limits of columns that there are not: what is not measured must not pass.

        Raises:
            DataError: PARAMETER_INVALID.
        """
        names = list(known)
        unknown = sorted(set(self.columns) - set(names))
        if unknown:
            raise invalid(
                "thresholds.columns",
                f"the data has no column {', '.join(unknown)}",
                remedy=f"there is: {', '.join(names[:50])}",
            )

    def psi_of(self, column: str, *, moments: bool) -> float | None:
        """Greatest PSI of a column."""
        return self._of(column, "max_psi", None if moments else self.max_psi)

    def null_increase_of(self, column: str) -> float | None:
        """Greatest increase of a column's share of nulls."""
        return self._of(column, "max_null_increase", self.max_null_increase)

    def nulls_of(self, column: str) -> float | None:
        """Greatest share of nulls of a column."""
        return self._of(column, "max_nulls", self.max_nulls)

    def _of(self, column: str, rule: str, table: float | None) -> float | None:
        own = self.columns.get(column)
        if own is None:
            return table
        if own.ignore:
            return None
        value: float | None = getattr(own, rule)
        return value if rule in own.model_fields_set else table
