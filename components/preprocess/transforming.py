"""The transformer: impute, scale, encode."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from kfp_provenance.codes import Code
from kfp_provenance.components._parameters import invalid, one_of
from kfp_provenance.errors import DataError

NUMERIC_IMPUTE = ("median", "mean", "most_frequent", "zero", "none")
CATEGORICAL_IMPUTE = ("most_frequent", "missing")
ENCODINGS = ("onehot", "ordinal")


@dataclass(frozen=True)
class TransformRule:
    """How features become numbers.

    Attributes:
        numeric_impute: One of :data:`NUMERIC_IMPUTE`; ``none`` leaves gaps as they are.
        categorical_impute: One of :data:`CATEGORICAL_IMPUTE`; ``missing`` makes the gap a
            category of its own.
        scale: Bring numbers to mean 0 and standard deviation 1.
        encode: One of :data:`ENCODINGS`.
        max_categories: Most categories of a column; the rare rest becomes one.
    """

    numeric_impute: str = "median"
    categorical_impute: str = "most_frequent"
    scale: bool = True
    encode: str = "onehot"
    max_categories: int = 50

    def __post_init__(self) -> None:
        one_of("numeric_impute", self.numeric_impute, NUMERIC_IMPUTE)
        one_of("categorical_impute", self.categorical_impute, CATEGORICAL_IMPUTE)
        one_of("encode", self.encode, ENCODINGS)
        if self.max_categories < 2:  # noqa: PLR2004 - one frequent, one rest
            raise invalid("max_categories", "must be at least 2", found=self.max_categories)


@dataclass(frozen=True)
class FeatureColumns:
    """Feature names by their treatment, in the order of the table."""

    numeric: tuple[str, ...]
    categorical: tuple[str, ...]


def choose_features(
    table: pa.Table, features: list[str], drop: list[str], reserved: set[str]
) -> FeatureColumns:
    """Which columns become features.

    Args:
        table: The data.
        features: Wanted columns; empty for all but the reserved ones.
        drop: Columns to leave out.
        reserved: The label, what it was made from, and the time column.

    Raises:
        DataError: PARAMETER_INVALID if a named column does not exist or would give the
            label away, DATA_SCHEMA_VIOLATED if a column is of no usable type.
    """
    for parameter, names in (("features", features), ("drop", drop)):
        unknown = sorted(set(names) - set(table.column_names))
        if unknown:
            raise invalid(parameter, "names columns that are not there", found=unknown)
    if leaking := sorted(reserved & set(features)):
        raise invalid("features", "the label or its source is not a feature", found=leaking)
    left_out = reserved | set(drop)
    chosen = [
        n for n in table.column_names if (not features or n in features) and n not in left_out
    ]
    numeric = tuple(name for name in chosen if _is_numeric(table.schema.field(name).type))
    categorical = tuple(n for n in chosen if pa.types.is_string(table.schema.field(n).type))
    unusable = [name for name in chosen if name not in (*numeric, *categorical)]
    if unusable:
        raise DataError(
            Code.DATA_SCHEMA_VIOLATED,
            "a feature is neither number, yes/no nor text: " + ", ".join(unusable),
            where=f"column {unusable[0]!r}",
            found=str(table.schema.field(unusable[0]).type),
            remedy="name the columns in `drop`, or list the wanted ones in `features`",
        )
    if not chosen:
        raise invalid("features", "no feature is left")
    return FeatureColumns(numeric, categorical)


def _is_numeric(kind: pa.DataType) -> bool:
    return bool(
        pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind)
    )


def feature_frame(table: pa.Table, columns: FeatureColumns) -> pd.DataFrame:
    """Features as floats and texts; a missing value is NaN in both."""
    data: dict[str, Any] = {}
    for name in columns.numeric:
        data[name] = table.column(name).cast(pa.float64(), safe=False).to_numpy()
    for name in columns.categorical:
        texts = table.column(name).to_numpy()
        data[name] = np.where(texts == None, np.nan, texts)  # noqa: E711 - elementwise
    return pd.DataFrame(data).astype(dict.fromkeys(columns.categorical, object))


def build_transformer(columns: FeatureColumns, rule: TransformRule) -> Any:
    """An unfitted ColumnTransformer (``Any``: scikit-learn ships no types)."""
    from sklearn.compose import ColumnTransformer  # noqa: PLC0415 - heavy

    parts = []
    if columns.numeric:
        parts.append(("numeric", _numeric_steps(rule), list(columns.numeric)))
    if columns.categorical:
        parts.append(("categorical", _categorical_steps(rule), list(columns.categorical)))
    transformer = ColumnTransformer(parts, verbose_feature_names_out=False)
    return transformer.set_output(transform="pandas")


def _numeric_steps(rule: TransformRule) -> Any:
    from sklearn.impute import SimpleImputer  # noqa: PLC0415 - heavy
    from sklearn.pipeline import Pipeline  # noqa: PLC0415
    from sklearn.preprocessing import StandardScaler  # noqa: PLC0415

    steps: list[tuple[str, Any]] = []
    if rule.numeric_impute == "zero":
        steps.append(("impute", SimpleImputer(strategy="constant", fill_value=0.0)))
    elif rule.numeric_impute != "none":
        steps.append(("impute", SimpleImputer(strategy=rule.numeric_impute)))
    if rule.scale:
        steps.append(("scale", StandardScaler()))
    return Pipeline(steps) if steps else "passthrough"


def _categorical_steps(rule: TransformRule) -> Any:
    from sklearn.impute import SimpleImputer  # noqa: PLC0415 - heavy
    from sklearn.pipeline import Pipeline  # noqa: PLC0415
    from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder  # noqa: PLC0415

    impute = (
        SimpleImputer(strategy="constant", fill_value="(missing)")
        if rule.categorical_impute == "missing"
        else SimpleImputer(strategy="most_frequent")
    )
    encode = (
        OneHotEncoder(
            handle_unknown="infrequent_if_exist",
            max_categories=rule.max_categories,
            sparse_output=False,
            dtype=np.uint8,
        )
        if rule.encode == "onehot"
        else OrdinalEncoder(
            handle_unknown="use_encoded_value",
            unknown_value=-1,
            max_categories=rule.max_categories,
        )
    )
    return Pipeline([("impute", impute), ("encode", encode)])
