"""Train: fit an allowed scikit-learn estimator and save it without pickle."""
