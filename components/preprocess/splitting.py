"""Rows for training and rows for testing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from kfp_provenance.codes import Code
from kfp_provenance.components._parameters import invalid, one_of
from kfp_provenance.components.preprocess.target import Labelled
from kfp_provenance.errors import DataError

MAX_CLASSES = 100

Rows = npt.NDArray[np.int64]


@dataclass(frozen=True)
class SplitRule:
    """How rows are split.

    Attributes:
        kind: ``random`` or ``time``.
        test_fraction: Share of the rows for testing, between 0 and 1.
        seed: Of the random split.
        stratify: Keep the shares of the classes in both parts of a random split.
        time_column: Column that orders the rows of a split by time.
    """

    kind: str = "random"
    test_fraction: float = 0.2
    seed: int = 0
    stratify: bool = True
    time_column: str = ""

    def __post_init__(self) -> None:
        one_of("split", self.kind, ("random", "time"))
        if not 0 < self.test_fraction < 1:
            raise invalid("test_fraction", "must be between 0 and 1", found=self.test_fraction)
        if (self.kind == "time") != bool(self.time_column):
            raise invalid("time_column", "belongs to a split by time, and is needed there")


def split_rows(data: Labelled, rule: SplitRule) -> tuple[Rows, Rows]:
    """Positions of the rows for training and for testing, each in the data's order.

    Args:
        data: Labelled rows.
        rule: How to split.

    Raises:
        DataError: DATA_SCHEMA_VIOLATED if the data cannot be split so.
    """
    train, test = _by_time(data.table, rule) if rule.kind == "time" else _random(data, rule)
    if not len(train) or not len(test):
        raise _unsplittable(
            f"{data.table.num_rows} rows cannot be split",
            "rows",
            "use more rows or another `test_fraction`",
        )
    return np.sort(train), np.sort(test)


def _unsplittable(message: str, where: str, remedy: str) -> DataError:
    return DataError(Code.DATA_SCHEMA_VIOLATED, message, where=where, remedy=remedy)


def _random(data: Labelled, rule: SplitRule) -> tuple[Rows, Rows]:
    from sklearn.model_selection import train_test_split  # noqa: PLC0415 - heavy

    count = data.table.num_rows
    rows = np.arange(count)
    classes: Any = None
    if rule.stratify and is_class_label(data.label):
        sizes = pc.value_counts(data.label).field("counts")
        if pc.min(sizes).as_py() < 2:  # noqa: PLR2004 - one for each part
            raise _unsplittable(
                "a class has only one row, so it cannot be in both parts",
                "label",
                "drop the class, or pass stratify=False",
            )
        classes = data.label.combine_chunks().dictionary_encode().indices.to_numpy()
    try:
        train, test = train_test_split(
            rows, test_size=rule.test_fraction, random_state=rule.seed, stratify=classes
        )
    except ValueError as error:
        raise _unsplittable(
            f"{count} rows cannot be split", "rows", "use more rows or another `test_fraction`"
        ) from error
    return train, test


def is_class_label(label: pa.ChunkedArray) -> bool:
    """Whether the label names classes rather than measuring something."""
    if pa.types.is_floating(label.type) or pa.types.is_temporal(label.type):
        return False
    count: int = pc.count_distinct(label).as_py()
    return count <= MAX_CLASSES


def _by_time(table: pa.Table, rule: SplitRule) -> tuple[Rows, Rows]:
    """The latest rows test. Rows of one moment stay together, in the test."""
    name = rule.time_column
    if name not in table.column_names:
        raise _unsplittable(
            f"the data has no column {name!r}", f"column {name!r}", "check `time_column`"
        )
    column = table.column(name)
    kind = column.type
    if not (pa.types.is_temporal(kind) or pa.types.is_integer(kind) or pa.types.is_floating(kind)):
        raise _unsplittable(
            f"{kind} values have no order in time",
            f"column {name!r}",
            "declare the column as datetime in the schema of `ingest`",
        )
    if column.null_count:
        raise _unsplittable(
            f"{column.null_count} rows have no time", f"column {name!r}", "drop or complete them"
        )
    order = pc.sort_indices(column).to_numpy()
    first = min(round(len(order) * (1 - rule.test_fraction)), len(order) - 1)
    cut = column[int(order[first])]
    late = pc.greater_equal(column, cut).to_numpy()
    return np.flatnonzero(~late), np.flatnonzero(late)
