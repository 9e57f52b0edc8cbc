"""Preprocess: split, impute, scale and encode, fitted on the training rows alone."""
