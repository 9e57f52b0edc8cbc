"""What KFP needs of a component's source."""

from __future__ import annotations

import ast
import sys
from importlib import import_module
from pathlib import Path

import pytest
import yaml

NAMES = ("ingest", "check_data", "preprocess", "train", "evaluate")
LIMIT = 100 * 1024


def component(name: str) -> object:
    return getattr(import_module("kfp_provenance.components"), name)


def source(name: str) -> Path:
    module = import_module(f"kfp_provenance.components.{name}.component")
    assert module.__file__
    return Path(module.__file__)


@pytest.mark.parametrize("name", NAMES)
def test_compiles_small_and_without_the_rewritten_word(name: str) -> None:
    spec = component(name).component_spec  # type: ignore[attr-defined]
    command = spec.implementation.container.command
    assert sum(map(len, command)) < LIMIT
    # KFP's local runner would rewrite the source
    assert "python3" not in source(name).read_text()


@pytest.mark.parametrize("name", NAMES)
def test_top_level_imports_are_light(name: str) -> None:
    tree = ast.parse(source(name).read_text())
    roots = set()
    for node in tree.body:
        if isinstance(node, ast.Import):
            roots |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            roots.add((node.module or "").split(".")[0])
    assert roots <= {"kfp", "kfp_provenance"} | set(sys.stdlib_module_names)


@pytest.mark.parametrize("name", NAMES)
def test_every_argument_is_described(name: str) -> None:
    made = component(name)
    inputs = made.component_spec.inputs or {}  # type: ignore[attr-defined]
    outputs = made.component_spec.outputs or {}  # type: ignore[attr-defined]
    text = made.python_func.__doc__  # type: ignore[attr-defined]
    for argument in (*inputs, *outputs):
        assert f"\n        {argument}: " in text, argument


@pytest.mark.parametrize("name", NAMES)
def test_metadata(name: str) -> None:
    meta = yaml.safe_load(source(name).with_name("metadata.yaml").read_text())
    assert meta["name"] == name
    assert {"stability", "dependencies", "tags", "lastVerified", "links"} <= set(meta)
