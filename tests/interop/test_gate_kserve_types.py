"""The tables of fields against the types that KServe publishes for Python."""

from __future__ import annotations

import ast
import re
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import pytest

from kfp_provenance.gate.place_shapes import KINDS, SHAPES
from support.interop import absent

Types = dict[str, dict[str, str]]


def kserve_types() -> Types:
    """Class -> field -> type, out of the files of KServe's SDK, without running any of them."""
    try:
        files = distribution("kserve").files or []
    except PackageNotFoundError:
        absent("KServe's SDK is not installed")
    types: Types = {}
    for file in files:
        if not re.fullmatch(r"kserve/models/v1\w+\.py", str(file)):
            continue
        for node in ast.parse(Path(str(file.locate())).read_text("utf-8")).body:
            if isinstance(node, ast.ClassDef):
                tables = {
                    target.id: ast.literal_eval(item.value)
                    for item in node.body
                    if isinstance(item, ast.Assign)
                    for target in item.targets
                    if isinstance(target, ast.Name)
                    and target.id in ("openapi_types", "attribute_map")
                }
                if len(tables) == 2:
                    names = tables["attribute_map"]
                    found = tables["openapi_types"]
                    types[node.name] = {names[name]: found[name] for name in found}
    return types


@pytest.mark.interop
def test_every_field_of_kserve_is_reviewed() -> None:
    types = kserve_types()
    unknown: set[tuple[str, str]] = set()
    seen: set[tuple[str, str]] = set()

    def walk(type_name: str, rule: str) -> None:
        if rule[0] in "=-~":
            return
        if rule[0] in "[{":
            inner = re.fullmatch(r"list\[(.*)\]|dict\(str, (.*)\)", type_name)
            assert inner, f"{type_name} is no collection"
            walk(inner[1] or inner[2], rule[1:-1])
        elif type_name in types and (type_name, rule) not in seen:
            seen.add((type_name, rule))
            for name, inside in types[type_name].items():
                known = SHAPES[rule].get(name)
                if known is None:
                    unknown.add((type_name, name))
                elif known != "=variable":
                    walk(inside, known)

    kinds = {re.sub(r"^V1(alpha|beta)\d", "", name): name for name in types}
    for kind, (shape, _) in KINDS.items():
        if kind in kinds:
            walk(types[kinds[kind]].get("spec", ""), shape)
    assert len(seen) > 30
    assert unknown == set()
