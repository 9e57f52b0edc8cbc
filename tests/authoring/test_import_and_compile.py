"""Import and compile with every supported KFP SDK and Python, and without ml-metadata."""

# no `from __future__ import annotations`: KFP reads the annotations of `count`
import json
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import NamedTuple, Optional

import pytest
import yaml
from kfp import compiler, dsl

import kfp_provenance
from kfp_provenance.authoring.command import tracking_of

TABULAR = ("ingest", "preprocess", "train", "evaluate", "sign", "publish")
COMPONENTS = (*TABULAR, "check_data")


class Counts(NamedTuple):
    rows: int
    share: float


def count(
    table: dsl.Input[dsl.Dataset],
    parts: dsl.Input[list[dsl.Dataset]],
    report: dsl.Output[dsl.HTML],
    threshold: float = 0.5,
    note: Optional[str] = None,  # noqa: UP045 - the spelling that KFP reads
) -> Counts:
    """A user's own component."""
    return Counts(1, 1.0)


def executors(path: Path) -> dict[str, dict[str, object]]:
    specification = next(yaml.safe_load_all(path.read_text(encoding="utf-8")))
    found = specification["deploymentSpec"]["executors"]
    return {label: executor["container"] for label, executor in found.items()}


@pytest.mark.parametrize("name", COMPONENTS)
def test_a_component_of_the_package_compiles_and_is_tracked(name: str, tmp_path: Path) -> None:
    component = getattr(import_module("kfp_provenance.components"), name)
    file = tmp_path / "component.yaml"
    compiler.Compiler().compile(component, str(file))
    (container,) = executors(file).values()
    tracking = tracking_of(container["command"])
    assert tracking is not None
    assert tracking.component.endswith(f".{name}")


def test_a_component_of_a_user_needs_the_decorator_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KPROV_PACKAGE", raising=False)
    decorator = kfp_provenance.component(
        base_image="python:3.11-slim", packages_to_install=["pandas"]
    )
    file = tmp_path / "component.yaml"
    compiler.Compiler().compile(decorator(count), str(file))
    (container,) = executors(file).values()
    tracking = tracking_of(container["command"])
    assert tracking is not None
    assert tracking.component.endswith(".count")
    script = json.dumps(container["command"])
    assert "kfp-provenance[mlmd]==" in script
    assert "pandas" in script


def test_the_tabular_pipeline_compiles_with_every_task_tracked(tmp_path: Path) -> None:
    module = import_module("kfp_provenance.pipelines.tabular_training.pipeline")
    compiled = kfp_provenance.compile_pipeline(module.tabular_training, tmp_path / "pipeline.yaml")
    assert compiled.untracked == ()
    assert len(compiled.tracked) == len(TABULAR)


def test_authoring_never_asks_for_ml_metadata(tmp_path: Path) -> None:
    program = (
        "import sys; sys.modules['ml_metadata'] = None\n"  # from now on its import fails
        "import kfp_provenance, kfp_provenance.components as components\n"
        "from kfp_provenance.pipelines.tabular_training.pipeline import tabular_training\n"
        f"print(*(getattr(components, name).name for name in {COMPONENTS!r}))\n"
        "kfp_provenance.compile_pipeline(tabular_training, sys.argv[1])\n"
    )
    target = tmp_path / "pipeline.yaml"
    command = [sys.executable, "-c", program, str(target)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [name.replace("_", "-") for name in COMPONENTS]
    assert target.stat().st_size > 0
