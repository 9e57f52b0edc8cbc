"""Bounds of the trees inside a loaded model.

scikit-learn walks a tree by the indices in its nodes and does not check them, so a
crafted file of trusted types only could read memory that is not the model's. Whoever
loads a model from a file checks it first.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from sklearn.ensemble._hist_gradient_boosting.predictor import PREDICTOR_RECORD_DTYPE, TreePredictor
from sklearn.tree._tree import NODE_DTYPE, Tree

from kfp_provenance.codes import Code
from kfp_provenance.errors import DataError

_LEAF = -1
_BITSET_WORDS = 8  # a categorical split of 256 bins


def check_trees(model: object) -> None:
    """Check every tree inside ``model``.

    Each inner node must point to two later nodes (so a walk ends) and to a feature that
    every estimator around it has.

    Raises:
        DataError: MODEL_MALFORMED otherwise.
    """
    for tree, features in _trees(model):
        ok = _tree_ok(tree, features) if isinstance(tree, Tree) else _predictor_ok(tree, features)
        if not ok:
            raise DataError(
                Code.MODEL_MALFORMED,
                "a tree of the model points outside of its nodes or features",
                found=type(tree).__name__,
                remedy="do not use this model; train again",
            )


def _trees(model: object) -> Iterator[tuple[Any, int]]:
    """Every tree with the number of features of the narrowest estimator around it."""
    seen: set[tuple[int, int]] = set()
    outermost = getattr(model, "n_features_in_", 0)  # without it, nothing checks the width
    stack: list[tuple[object, int]] = [(model, outermost if isinstance(outermost, int) else 0)]
    while stack:
        item, features = stack.pop()
        if (id(item), features) in seen:
            continue
        seen.add((id(item), features))
        if isinstance(item, (Tree, TreePredictor)):
            yield item, features
            continue
        children: list[object] = []
        if isinstance(item, Mapping):
            children = list(item.values())
        elif isinstance(item, (list, tuple, set)):
            children = list(item)
        elif isinstance(item, np.ndarray):
            children = list(item.flat) if item.dtype == object else []
        elif hasattr(item, "__dict__") and not isinstance(item, type):
            children = list(vars(item).values())
            own = vars(item).get("n_features_in_")
            features = min(features, own) if isinstance(own, int) else features
        stack.extend((child, features) for child in children)


def _links_ok(
    left: np.ndarray, right: np.ndarray, feature: np.ndarray, inner: np.ndarray, features: int
) -> bool:
    position = np.flatnonzero(inner)
    count = len(inner)
    return bool(
        count > 0
        and np.all((left[inner] > position) & (left[inner] < count))
        and np.all((right[inner] > position) & (right[inner] < count))
        and np.all((feature[inner] >= 0) & (feature[inner] < features))
    )


def _tree_ok(tree: Any, features: int) -> bool:
    nodes = tree.__getstate__()["nodes"]
    left = nodes["left_child"].astype(np.int64)
    right = nodes["right_child"].astype(np.int64)
    return nodes.dtype == NODE_DTYPE and _links_ok(
        left, right, nodes["feature"], left != _LEAF, features
    )


def _predictor_ok(tree: Any, features: int) -> bool:
    nodes = tree.nodes
    if (
        not isinstance(nodes, np.ndarray)
        or nodes.ndim != 1
        or nodes.dtype != PREDICTOR_RECORD_DTYPE
    ):
        return False
    inner = nodes["is_leaf"] == 0
    left, right = nodes["left"].astype(np.int64), nodes["right"].astype(np.int64)
    if not _links_ok(left, right, nodes["feature_idx"].astype(np.int64), inner, features):
        return False
    bitset = nodes["bitset_idx"][inner & (nodes["is_categorical"] != 0)].astype(np.int64)
    return all(
        sets.ndim == 2 and sets.shape[1] == _BITSET_WORDS and np.all(bitset < len(sets))  # noqa: PLR2004
        for sets in (tree.raw_left_cat_bitsets, tree.binned_left_cat_bitsets)
        if len(bitset)
    )
