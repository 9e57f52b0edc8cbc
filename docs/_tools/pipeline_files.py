"""pipelines/*/pipeline.yaml, compiled from pipeline.py."""

from __future__ import annotations

import tempfile
from importlib import import_module
from pathlib import Path

from kfp.dsl.graph_component import GraphComponent

from kfp_provenance import compile_pipeline


def _pipeline(name: str) -> GraphComponent:
    """The one pipeline that ``pipelines/<name>/pipeline.py`` defines."""
    module = import_module(f"kfp_provenance.pipelines.{name}.pipeline")
    found = [
        value
        for value in vars(module).values()
        if isinstance(value, GraphComponent) and value.pipeline_func.__module__ == module.__name__
    ]
    if len(found) != 1:
        raise SystemExit(f"pipelines/{name}/pipeline.py defines {len(found)} pipelines, not one")
    return found[0]


def make(root: Path) -> dict[Path, str]:
    """Each pipeline as KFP takes it."""
    files = {}
    with tempfile.TemporaryDirectory() as folder:
        for source in sorted((root / "pipelines").glob("*/pipeline.py")):
            target = Path(folder) / "pipeline.yaml"
            compile_pipeline(_pipeline(source.parent.name), target)
            files[source.with_name("pipeline.yaml")] = target.read_text(encoding="utf-8")
    return files
