"""What the component ``preprocess`` does, apart from KFP."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pyarrow as pa

from kfp_provenance.codes import Code
from kfp_provenance.components._models import save_model
from kfp_provenance.components._parameters import invalid, parse
from kfp_provenance.components._tables import read_table, write_frame
from kfp_provenance.components.preprocess.splitting import SplitRule, split_rows
from kfp_provenance.components.preprocess.target import Target, label_rows
from kfp_provenance.components.preprocess.transforming import (
    FeatureColumns,
    TransformRule,
    build_transformer,
    choose_features,
    feature_frame,
)
from kfp_provenance.errors import DataError


@dataclass(frozen=True)
class Outputs:
    """Files to write: training rows, test rows, fitted transformer."""

    training_data: Path
    test_data: Path
    transformer: Path


@dataclass(frozen=True)
class Summary:
    """What was done: numbers of rows, and the names of the features."""

    training_rows: int
    test_rows: int
    dropped_rows: int
    features: tuple[str, ...]


def preprocess_table(
    dataset: Path,
    outputs: Outputs,
    *,
    label: str,
    target: dict[str, object],
    features: list[str],
    drop: list[str],
    split: SplitRule,
    transform: TransformRule,
) -> Summary:
    """Split first, fit on the training rows alone, transform both parts.

    Args:
        dataset: Parquet file.
        outputs: Files to write.
        label: Name of the label column in the outputs.
        target: See :class:`~kfp_provenance.components.preprocess.target.Target`; or empty.
        features: Columns to use; empty for all.
        drop: Columns to leave out.
        split: How rows are split.
        transform: How features become numbers.

    Raises:
        DataError: PARAMETER_INVALID, DATA_UNREADABLE or DATA_SCHEMA_VIOLATED.
    """
    goal = parse(Target, target, "target") if target else None
    data = label_rows(read_table(dataset), label, goal)
    reserved = {label, split.time_column, goal.column if goal else label} - {""}
    columns = choose_features(data.table, features, drop, reserved)
    train, test = split_rows(data, split)

    training = feature_frame(data.table.take(train), columns)
    _refuse_empty(training, columns)
    transformer = build_transformer(columns, transform)
    try:
        fitted = transformer.fit_transform(training)
    except ValueError as error:
        raise invalid("features", "two columns would get the same name when encoded") from error
    if label in fitted.columns:
        raise invalid("label", f"{label!r} is also the name of an encoded feature")
    tested = transformer.transform(feature_frame(data.table.take(test), columns))

    write_frame(_with_label(fitted, data.label.take(train), label), outputs.training_data)
    write_frame(_with_label(tested, data.label.take(test), label), outputs.test_data)
    save_model(transformer, outputs.transformer)
    return Summary(len(train), len(test), data.dropped, tuple(map(str, fitted.columns)))


def _refuse_empty(training: pd.DataFrame, columns: FeatureColumns) -> None:
    """A column without any value cannot be imputed, and would vanish without a word."""
    empty = [
        name for name in (*columns.numeric, *columns.categorical) if training[name].isna().all()
    ]
    if empty:
        raise DataError(
            Code.DATA_SCHEMA_VIOLATED,
            "a feature has no value in any training row: " + ", ".join(empty),
            where=f"column {empty[0]!r}",
            remedy="name the column in `drop`",
        )


def _with_label(features: pd.DataFrame, values: pa.ChunkedArray, label: str) -> pd.DataFrame:
    frame = features.reset_index(drop=True)
    frame[label] = values.to_pandas()
    return frame
