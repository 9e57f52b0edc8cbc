"""components/*/README.md and docs/reference/components.md, from component.py and metadata.yaml."""

from __future__ import annotations

import inspect
from importlib import import_module
from pathlib import Path
from typing import Any

import docstring_parser
import yaml
from kfp.dsl.python_component import PythonComponent
from markdown import page, table
from pydantic import BaseModel, ConfigDict, Field

PAGE = Path("docs/reference/components.md")
_INTRO = """# Components

What `from kfp_provenance.components import NAME` gives. Every one of them is tracked: its inputs
and outputs are hashed and the step is recorded."""


class _Link(BaseModel):
    model_config = ConfigDict(extra="forbid")
    label: str = Field(min_length=1)
    path: str = Field(min_length=1)


class Metadata(BaseModel):
    """metadata.yaml, as component repositories of Kubeflow Pipelines have it."""

    model_config = ConfigDict(extra="allow")
    name: str = Field(min_length=1)
    stability: str = Field(pattern="^(alpha|beta|stable)$")
    dependencies: Any = None
    tags: list[str] = Field(min_length=1)
    lastVerified: Any = Field()  # noqa: N815 - the file's own spelling


def _component(name: str) -> PythonComponent:
    """The one component that ``components/<name>/component.py`` defines."""
    module = import_module(f"kfp_provenance.components.{name}.component")
    found = [
        value
        for value in vars(module).values()
        if isinstance(value, PythonComponent) and value.python_func.__module__ == module.__name__
    ]
    if len(found) != 1:
        raise SystemExit(f"components/{name}/component.py defines {len(found)} components, not one")
    return found[0]


def _type(text: str, *, is_list: bool) -> str:
    """``system.Dataset@0.0.1`` as ``Dataset``."""
    short = text.removeprefix("system.").partition("@")[0]
    return f"`list[{short}]`" if is_list else f"`{short}`"


def _default(value: object) -> str:
    return "none" if value is None else f"`{value!r}`"


def _interface(component: PythonComponent) -> list[str]:
    doc = docstring_parser.parse(inspect.getdoc(component.python_func) or "")
    texts = {item.arg_name: item.description or "" for item in doc.params}
    returned = doc.returns.description if doc.returns else ""
    spec = component.component_spec
    inputs = [
        (
            f"`{name}`",
            _type(value.type, is_list=value.is_artifact_list),
            _default(value.default) if value.optional else "required",
            texts.get(name, ""),
        )
        for name, value in (spec.inputs or {}).items()
    ]
    outputs = [
        (
            f"`{name}`",
            _type(value.type, is_list=value.is_artifact_list),
            texts.get(name) or (returned or "" if name == "Output" else ""),
        )
        for name, value in (spec.outputs or {}).items()
    ]
    return [
        doc.short_description or "",
        doc.long_description or "",
        "**Inputs**\n\n" + table(("name", "type", "default", "meaning"), inputs) if inputs else "",
        "**Outputs**\n\n" + table(("name", "type", "meaning"), outputs) if outputs else "",
    ]


def _about(metadata: Metadata, name: str) -> list[str]:
    return [
        f"```python\nfrom kfp_provenance.components import {name}\n```",
        f"Stability: {metadata.stability}. Tags: {', '.join(metadata.tags)}. "
        f"Last verified: {str(metadata.lastVerified)[:10]}.",
    ]


def make(root: Path) -> dict[Path, str]:
    """A README for each component, and the page with all of them."""
    files: dict[Path, str] = {}
    blocks = [_INTRO]
    for file in sorted((root / "components").glob("*/component.py")):
        name = file.parent.name
        raw = yaml.safe_load((file.parent / "metadata.yaml").read_text(encoding="utf-8"))
        metadata = Metadata.model_validate(raw)
        body = [*_interface(_component(name)), *_about(metadata, name)]
        files[file.parent / "README.md"] = page(
            "component.py and metadata.yaml", f"# {metadata.name}", *body
        )
        blocks += [f"## {metadata.name}", *body]
    files[root / PAGE] = page("components/*/component.py and metadata.yaml", *blocks)
    return files
