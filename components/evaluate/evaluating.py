"""What the component ``evaluate`` does, apart from KFP."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from kfp_provenance.codes import Code
from kfp_provenance.components._models import load_model
from kfp_provenance.components._tables import label_column, read_frame
from kfp_provenance.components.evaluate.page import Subject, render
from kfp_provenance.components.evaluate.scoring import Classification, Regression, score
from kfp_provenance.components.evaluate.thresholds import Judged, judge
from kfp_provenance.errors import DataError


@dataclass(frozen=True)
class Evaluation:
    """Result of an evaluation.

    Attributes:
        result: Metrics and curves.
        judged: The metrics with their thresholds; ask ``thresholds.enforce`` to fail.
        page: HTML.
    """

    result: Classification | Regression
    judged: tuple[Judged, ...]
    page: str


def evaluate_model(
    model: Path,
    test_data: Path,
    *,
    label: str,
    thresholds: dict[str, object],
    trusted_types: Sequence[str] = (),
) -> Evaluation:
    """Load a model without running its code, and score it.

    Args:
        model: skops file.
        test_data: Parquet file of numeric features and the label.
        label: Column to predict.
        thresholds: ``{"roc_auc": {"minimum": 0.7}}``; see
            :class:`~kfp_provenance.components.evaluate.thresholds.Limit`.
        trusted_types: Types that the model may contain beyond the built-in ones.

    Raises:
        DataError: MODEL_UNTRUSTED_TYPE, MODEL_MALFORMED, DATA_UNREADABLE,
            DATA_SCHEMA_VIOLATED or PARAMETER_INVALID. A missed threshold does not raise
            here, so that the outputs are written first.
    """
    loaded = load_model(model, trusted_types=trusted_types)
    frame = read_frame(test_data)
    if frame.empty:
        raise DataError(
            Code.DATA_SCHEMA_VIOLATED,
            "the test data has no rows",
            where=test_data.name,
            remedy="use a larger `test_fraction` in `preprocess`",
        )
    labels = label_column(frame, label)
    features = frame.drop(columns=[label])
    result = score(loaded, features, labels)
    judged = judge(result.metrics, thresholds)
    estimator = type(loaded).__name__
    subject = Subject(estimator, label, len(frame), int(getattr(loaded, "n_features_in_", 0)))
    return Evaluation(result, judged, render(subject, result, judged))
