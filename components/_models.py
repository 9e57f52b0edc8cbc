"""Models on disk: skops files whose bytes depend on the model only (ADR 0004)."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import skops.io
from skops.io.exceptions import UnsupportedTypeException, UntrustedTypesFoundException

from kfp_provenance.codes import Code
from kfp_provenance.components._model_guard import check_trees
from kfp_provenance.errors import DataError

MAX_BYTES = 4 * 1024**3
MAX_MEMBERS = 200_000
_SCHEMA = "schema.json"
_ZIP_EPOCH = (1980, 1, 1, 0, 0, 0)

TRUSTED_TYPES: tuple[str, ...] = (
    # Trusted by type, and their content is checked by `check_trees`: skops leaves them out
    # because scikit-learn follows the indices in their nodes without looking at bounds.
    "sklearn.tree._tree.Tree",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    # Histogram boosting checks categorical columns with this function; a partial can only
    # call a function that is trusted by its own name.
    "functools.partial",
    "sklearn.utils.validation.check_array",
    # An imputer keeps the type of its column; it is read from an empty array.
    "numpy.dtype",
    # Plain Python state of a fitted neural network.
    "sklearn.neural_network._stochastic_optimizers.AdamOptimizer",
    "sklearn.neural_network._stochastic_optimizers.SGDOptimizer",
)
"""What a model may contain beyond the types that skops trusts by itself."""


def save_model(model: object, path: Path) -> None:
    """Save an estimator or a transformer with skops, equal models as equal bytes.

    skops names members and objects by memory address and stamps the time on them. Here
    they are numbered in the order of the schema, sets are sorted, times are fixed and
    nothing is compressed (compressors differ between machines).

    Args:
        model: A fitted estimator.
        path: File to write; its folder is made.

    Raises:
        DataError: ESTIMATOR_NOT_ALLOWED if skops cannot save its type.
    """
    try:
        raw = skops.io.dumps(model)
    except UnsupportedTypeException as error:
        raise DataError(
            Code.ESTIMATOR_NOT_ALLOWED,
            f"skops cannot save a {type(model).__name__}",
            found=f"{type(model).__module__}.{type(model).__qualname__}",
            remedy="use an estimator that skops can save without pickle",
        ) from error
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(io.BytesIO(raw)) as source, zipfile.ZipFile(path, "w") as target:
        names: dict[str, str] = {}
        schema = _canonical(json.loads(source.read(_SCHEMA)), {}, names)
        _add(target, _SCHEMA, json.dumps(schema, separators=(",", ":")).encode())
        for old, new in names.items():
            _add(target, new, source.read(old))


def _add(target: zipfile.ZipFile, name: str, content: bytes) -> None:
    member = zipfile.ZipInfo(name, date_time=_ZIP_EPOCH)
    member.create_system = 3  # the same on every platform
    member.external_attr = 0o644 << 16
    target.writestr(member, content)


def _canonical(node: Any, ids: dict[int, int], names: dict[str, str]) -> Any:
    """Number ids and members of a skops schema in the order in which they come.

    ``Any``: the schema is free JSON. A node's own fields ``__id__`` and ``file`` are a
    number and a text; under the same keys of a user's dict there are nodes.
    """
    if isinstance(node, list):
        return [_canonical(item, ids, names) for item in node]
    if not isinstance(node, dict):
        return node
    loader = node.get("__loader__")
    result: dict[str, Any] = {}
    for key, value in node.items():
        if key == "__id__" and isinstance(value, int):
            # Whether two equal constants are one object is chance, and does not matter.
            if loader not in ("JsonNode", "TypeNode"):
                result[key] = ids.setdefault(value, len(ids) + 1)
        elif key == "file" and isinstance(value, str):
            suffix = Path(value).suffix
            result[key] = names.setdefault(value, f"{len(names) + 1:06d}{suffix}")
        elif key == "content" and loader == "SetNode" and isinstance(value, list):
            result[key] = _canonical(sorted(value, key=_without_ids), ids, names)
        else:
            result[key] = _canonical(value, ids, names)
    return result


def _without_ids(node: Any) -> str:
    """Sort key of a set's member: its JSON without memory addresses."""

    def strip(value: Any) -> Any:
        if isinstance(value, dict):
            return {k: strip(v) for k, v in value.items() if k not in ("__id__", "file")}
        return [strip(item) for item in value] if isinstance(value, list) else value

    return json.dumps(strip(node), sort_keys=True)


def load_model(path: Path, *, trusted_types: Iterable[str] = ()) -> Any:
    """Load an estimator without running code of the file.

    Args:
        path: A skops file.
        trusted_types: Types to trust beyond :data:`TRUSTED_TYPES`, by full name.

    Returns:
        The estimator (``Any``: scikit-learn ships no types).

    Raises:
        DataError: MODEL_UNTRUSTED_TYPE if it contains a type that is not trusted,
            MODEL_MALFORMED if it is not a skops file, is too large, or holds a tree
            whose nodes point outside of it.
    """
    trusted = sorted({*TRUSTED_TYPES, *trusted_types})
    try:
        _check_size(path)
        model = skops.io.load(path, trusted=trusted)
        check_trees(model)
    except UntrustedTypesFoundException as error:
        found = sorted(set(skops.io.get_untrusted_types(file=path)) - set(trusted))
        raise DataError(
            Code.MODEL_UNTRUSTED_TYPE,
            "the model contains types that are not trusted",
            where=path.name,
            found=", ".join(found)[:500],
            remedy="review the types, then name them in `trusted_types`",
        ) from error
    except (
        *(zipfile.BadZipFile, OSError, EOFError, ImportError, NotImplementedError),
        *(LookupError, TypeError, ValueError, AttributeError, RecursionError),
    ) as error:
        raise DataError(
            Code.MODEL_MALFORMED,
            f"not a readable skops model ({type(error).__name__})",
            where=path.name,
            remedy="train again with this package and this version of scikit-learn",
        ) from error
    return model


def _check_size(path: Path) -> None:
    with zipfile.ZipFile(path) as file:
        members = file.infolist()
    size = sum(member.file_size for member in members)
    if size > MAX_BYTES or len(members) > MAX_MEMBERS:
        raise DataError(
            Code.MODEL_MALFORMED,
            "the model is larger than a model may be",
            where=path.name,
            expected=f"at most {MAX_BYTES} bytes in {MAX_MEMBERS} members",
            found=f"{size} bytes in {len(members)} members",
            remedy="train a smaller model",
        )
