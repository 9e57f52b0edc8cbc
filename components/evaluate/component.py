"""The component ``evaluate``."""

from kfp.dsl import HTML, ClassificationMetrics, Dataset, Input, Metrics, Model, Output

from kfp_provenance import component
from kfp_provenance.components._image import BASE_IMAGE


@component(base_image=BASE_IMAGE, install_kfp_package=False)
def evaluate(
    model: Input[Model],
    test_data: Input[Dataset],
    metrics: Output[Metrics],
    classification: Output[ClassificationMetrics],
    report: Output[HTML],
    label: str,
    thresholds: dict = {},
    trusted_types: list = [],
):
    """Score a model on test data, show how it did, and fail if it is not good enough.

    Classifiers: accuracy, precision, recall, f1, base_rate and, where the model gives
    scores, roc_auc and log_loss. Regressors: mae, rmse, r2. All outputs are written before
    a missed threshold fails the step.

    Args:
        model: A skops file, for example of `train`; it is loaded without running code.
        test_data: Parquet of numeric features and the label, for example of `preprocess`.
        metrics: The metrics by name.
        classification: ROC curve (two classes) and confusion matrix (up to 50 classes).
        report: One HTML page with thresholds, ROC, confusion matrix and calibration, or with
            predictions and residuals.
        label: Column to predict.
        thresholds: By name of the metric, as `{"roc_auc": {"minimum": 0.7}}`; `minimum`,
            `maximum` or both. A threshold of a metric that there is not is an error.
        trusted_types: Types that the model may contain beyond those of the built-in
            estimators, by full name.
    """
    from pathlib import Path

    from kfp_provenance.components._threads import share_cores

    share_cores()
    from kfp_provenance.components.evaluate.evaluating import evaluate_model
    from kfp_provenance.components.evaluate.scoring import MAX_MATRIX, Classification
    from kfp_provenance.components.evaluate.thresholds import enforce

    evaluation = evaluate_model(
        Path(model.path),
        Path(test_data.path),
        label=label,
        thresholds=thresholds,
        trusted_types=trusted_types,
    )
    result = evaluation.result
    for name, value in result.metrics.items():
        metrics.log_metric(name, value)
    if isinstance(result, Classification):
        if len(result.curves) == 1:
            curve = result.curves[0]
            classification.log_roc_curve(list(curve.fpr), list(curve.tpr), list(curve.threshold))
        if len(result.classes) <= MAX_MATRIX:
            classification.log_confusion_matrix(
                list(result.classes), [list(row) for row in result.matrix]
            )
    page = Path(report.path)
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text(evaluation.page, encoding="utf-8")
    enforce(evaluation.judged)
