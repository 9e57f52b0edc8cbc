"""The component ``preprocess``."""

from kfp.dsl import Dataset, Input, Model, Output

from kfp_provenance import component
from kfp_provenance.components._image import BASE_IMAGE


@component(base_image=BASE_IMAGE, install_kfp_package=False)
def preprocess(
    dataset: Input[Dataset],
    training_data: Output[Dataset],
    test_data: Output[Dataset],
    transformer: Output[Model],
    label: str,
    target: dict = {},
    features: list = [],
    drop: list = [],
    split: str = "random",
    time_column: str = "",
    test_fraction: float = 0.2,
    seed: int = 0,
    stratify: bool = True,
    numeric_impute: str = "median",
    categorical_impute: str = "most_frequent",
    scale: bool = True,
    encode: str = "onehot",
    max_categories: int = 50,
):
    """Split a table, then impute, scale and encode its features.

    The split comes first and the transformer is fitted on the training rows alone, so the
    test rows cannot leak into it. Rows without a label are dropped and counted. The same
    inputs, parameters and seed give the same bytes.

    Args:
        dataset: Parquet, for example of `ingest`.
        training_data: Encoded features and the label of the training rows, as Parquet.
        test_data: The same of the test rows.
        transformer: The fitted scikit-learn ColumnTransformer, as a skops file.
        label: Column to predict; with `target` the name of the new column.
        target: Makes a 1/0 label from a column, as `{"column": "arr_delay", "above": 15}`;
            the rule is one of above, at_least, below, at_most, equals. The column itself
            never becomes a feature.
        features: Columns to use; empty uses all but the label, `time_column` and `drop`.
        drop: Columns to leave out.
        split: `random`, or `time`: the latest rows are for testing.
        time_column: Column that orders the rows of a split by time.
        test_fraction: Share of the rows for testing.
        seed: Of the random split.
        stratify: Keep the shares of the classes in both parts of a random split; has no
            effect on a label that measures something.
        numeric_impute: `median`, `mean`, `most_frequent`, `zero`, or `none` for estimators
            that take gaps.
        categorical_impute: `most_frequent`, or `missing` to make the gap a category.
        scale: Bring numbers to mean 0 and standard deviation 1.
        encode: `onehot` or `ordinal`.
        max_categories: Most categories of a column; the rare rest becomes one.
    """
    from pathlib import Path

    from kfp_provenance.components.preprocess import preprocessing
    from kfp_provenance.components.preprocess.splitting import SplitRule
    from kfp_provenance.components.preprocess.transforming import TransformRule

    summary = preprocessing.preprocess_table(
        Path(dataset.path),
        preprocessing.Outputs(
            Path(training_data.path), Path(test_data.path), Path(transformer.path)
        ),
        label=label,
        target=target,
        features=features,
        drop=drop,
        split=SplitRule(split, test_fraction, int(seed), bool(stratify), time_column),
        transform=TransformRule(
            numeric_impute, categorical_impute, bool(scale), encode, int(max_categories)
        ),
    )
    training_data.metadata["rows"] = str(summary.training_rows)
    test_data.metadata["rows"] = str(summary.test_rows)
    for output in (training_data, test_data):
        output.metadata["format"] = "parquet"
        output.metadata["label"] = label
        output.metadata["rows_without_label"] = str(summary.dropped_rows)
    transformer.metadata["format"] = "skops"
    transformer.metadata["framework"] = "scikit-learn"
    transformer.metadata["features"] = str(len(summary.features))
