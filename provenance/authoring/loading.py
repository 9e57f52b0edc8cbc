"""Find a pipeline by the name that a user types."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from kfp_provenance.codes import Code
from kfp_provenance.errors import AuthoringError


def load_pipeline(reference: str) -> Any:
    """Load ``tabular_training``, ``FILE.py:FUNCTION`` or ``MODULE:FUNCTION``.

    Raises:
        AuthoringError: PIPELINE_INVALID if there is no such pipeline.
    """
    place, _, name = reference.rpartition(":")
    if not place:
        place, name = f"kfp_provenance.pipelines.{reference}", reference
    try:
        module = _file(Path(place)) if place.endswith(".py") else importlib.import_module(place)
        return getattr(module, name)
    except (ImportError, OSError, AttributeError, SyntaxError) as error:
        raise AuthoringError(
            Code.PIPELINE_INVALID,
            "there is no such pipeline",
            where=reference,
            expected="tabular_training, FILE.py:FUNCTION or MODULE:FUNCTION",
            found=f"{type(error).__name__}: {error}",
            remedy="mend the name, or what the import complains about",
        ) from error


def _file(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    sys.path.insert(0, str(path.resolve().parent))  # as `python FILE.py` would
    spec.loader.exec_module(module)
    return module
