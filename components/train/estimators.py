"""Which estimators may be trained, and how one is made from its import path."""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any

from kfp_provenance.codes import Code
from kfp_provenance.components._parameters import invalid
from kfp_provenance.errors import DataError

_PATH = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+", re.ASCII)


def _paths(module: str, names: str) -> set[str]:
    return {f"sklearn.{module}.{name}" for name in names.split()}


ALLOWED_ESTIMATORS: frozenset[str] = frozenset(
    _paths("dummy", "DummyClassifier DummyRegressor")
    | _paths(
        "ensemble",
        "AdaBoostClassifier AdaBoostRegressor BaggingClassifier BaggingRegressor "
        "ExtraTreesClassifier ExtraTreesRegressor GradientBoostingClassifier "
        "GradientBoostingRegressor HistGradientBoostingClassifier "
        "HistGradientBoostingRegressor RandomForestClassifier RandomForestRegressor",
    )
    | _paths(
        "linear_model",
        "BayesianRidge ElasticNet GammaRegressor HuberRegressor Lasso LinearRegression "
        "LogisticRegression PoissonRegressor QuantileRegressor Ridge RidgeClassifier "
        "SGDClassifier SGDRegressor",
    )
    | _paths("discriminant_analysis", "LinearDiscriminantAnalysis")
    | _paths("naive_bayes", "BernoulliNB GaussianNB")
    | _paths("neural_network", "MLPClassifier MLPRegressor")
    | _paths("svm", "LinearSVC LinearSVR SVC SVR")
    | _paths("tree", "DecisionTreeClassifier DecisionTreeRegressor")
)
"""Estimators that skops saves and loads without code of the file, and that a seed fixes.

Nearest neighbours are left out: their search trees are loaded into C structures that
nobody checks."""


def make_estimator(
    path: str, hyperparameters: Mapping[str, object], seed: int, *, extra: Sequence[object] = ()
) -> Any:
    """Make an unfitted estimator; nothing is imported unless it is allowed.

    Args:
        path: Import path, for example ``sklearn.linear_model.Ridge``.
        hyperparameters: Keyword arguments of its constructor.
        seed: Its ``random_state``, if it has one.
        extra: Import paths that are allowed beyond :data:`ALLOWED_ESTIMATORS`.

    Returns:
        The estimator (``Any``: scikit-learn ships no types).

    Raises:
        DataError: ESTIMATOR_NOT_ALLOWED, or PARAMETER_INVALID for a hyperparameter that
            the estimator does not have.
    """
    for name in extra:
        if not isinstance(name, str) or not _PATH.fullmatch(name):
            raise invalid("allowed_estimators", "not an import path", found=repr(name))
    if path not in ALLOWED_ESTIMATORS | set(extra):
        raise DataError(
            Code.ESTIMATOR_NOT_ALLOWED,
            f"the estimator {path[:200]!r} is not allowed",
            where="parameter 'estimator'",
            found=path[:200],
            remedy="take one of the documented estimators, or add it to `allowed_estimators`",
        )
    factory = _load(path)
    accepted = inspect.signature(factory).parameters
    if "random_state" in hyperparameters:
        raise invalid("hyperparameters", "random_state is set by the parameter `seed`")
    unknown = sorted(set(hyperparameters) - set(accepted))
    if unknown and not any(p.kind is p.VAR_KEYWORD for p in accepted.values()):
        known = ", ".join(accepted)
        raise invalid(
            "hyperparameters",
            f"{path} does not take: {', '.join(unknown)}",
            remedy=f"takes: {known}",
        )
    arguments = dict(hyperparameters)
    if "random_state" in accepted:
        arguments["random_state"] = seed
    return factory(**arguments)


def _load(path: str) -> Any:
    module, _, name = path.rpartition(".")
    try:
        factory = getattr(import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise DataError(
            Code.DEPENDENCY_MISSING,
            f"{path} is not installed in the task's image",
            where="parameter 'estimator'",
            remedy="add its package to the image",
        ) from error
    if not (isinstance(factory, type) and hasattr(factory, "fit") and hasattr(factory, "predict")):
        raise DataError(
            Code.ESTIMATOR_NOT_ALLOWED,
            f"{path} is not an estimator: it is no class with fit and predict",
            where="parameter 'estimator'",
            remedy="name the class of a scikit-learn estimator",
        )
    return factory
