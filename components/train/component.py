"""The component ``train``."""

from kfp.dsl import Dataset, Input, Model, Output

from kfp_provenance import component
from kfp_provenance.components._image import BASE_IMAGE


@component(base_image=BASE_IMAGE, install_kfp_package=False)
def train(
    training_data: Input[Dataset],
    model: Output[Model],
    label: str,
    estimator: str = "sklearn.ensemble.HistGradientBoostingClassifier",
    hyperparameters: dict = {},
    seed: int = 0,
    allowed_estimators: list = [],
):
    """Fit a scikit-learn estimator and save it as a skops file.

    Estimators come from an allow-list, and nothing is imported before the list was asked.
    The file loads without running code, and the same data, parameters and seed give the
    same bytes.

    Args:
        training_data: Parquet of numeric features and the label, for example of `preprocess`.
        model: The fitted estimator as one skops file.
        label: Column to predict.
        estimator: Import path, for example `sklearn.linear_model.LogisticRegression`.
        hyperparameters: Keyword arguments of the estimator. A pipeline does not tell 1.0
            from 1; a whole number is given as an integer.
        seed: `random_state` of the estimator, if it has one.
        allowed_estimators: Import paths that are allowed beyond the built-in ones.
    """
    from pathlib import Path

    from kfp_provenance.components._threads import share_cores

    share_cores()
    from kfp_provenance.components.train.fitting import fit_model

    fitted = fit_model(
        Path(training_data.path),
        Path(model.path),
        label=label,
        estimator=estimator,
        hyperparameters=hyperparameters,
        seed=int(seed),
        allowed_estimators=allowed_estimators,
    )
    model.metadata["format"] = "skops"
    model.metadata["framework"] = "scikit-learn"
    model.metadata["framework_version"] = fitted.framework_version
    model.metadata["estimator"] = estimator
    model.metadata["label"] = label
    model.metadata["rows"] = str(fitted.rows)
    model.metadata["features"] = str(fitted.features)
