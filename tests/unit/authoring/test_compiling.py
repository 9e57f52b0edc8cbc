"""The compiled file: what other readers of YAML make of it."""

# no `from __future__ import annotations`: KFP reads the annotations
import re
from pathlib import Path

import pytest
import yaml
from kfp import dsl
from kfp.dsl import Dataset, Output

from kfp_provenance.authoring import Tracking, compile_pipeline, component

_PEM = "-----BEGIN PUBLIC KEY-----\nMFkw\n-----END PUBLIC KEY-----\n"


@component(base_image="python:3.11", install_kfp_package=False, tracking=Tracking(package="image"))
def write(y: str, n: int, text: str, rate: float, key: str, out: Output[Dataset]):
    out.metadata["text"] = text


@dsl.pipeline(name="readers")
def readers(y: str = "y", n: int = 3, text: str = "1e3", rate: float = 0.00001, key: str = _PEM):
    write(y=y, n=n, text=text, rate=rate, key=key)


def _defaults(file: Path) -> dict[str, object]:
    specification = yaml.safe_load(file.read_text(encoding="utf-8"))
    found = specification["root"]["inputDefinitions"]["parameters"]
    return {name: entry["defaultValue"] for name, entry in found.items()}


def test_a_default_value_with_line_breaks_stays_whole(tmp_path: Path) -> None:
    compiled = compile_pipeline(readers, tmp_path / "p.yaml")
    assert _defaults(compiled.path)["key"] == _PEM
    text = compiled.path.read_text(encoding="utf-8")
    head = text[: text.index("\ncomponents:\n")]
    assert all(line.startswith("#") for line in head.splitlines())


def test_a_given_value_with_line_breaks_stays_whole(tmp_path: Path) -> None:
    compiled = compile_pipeline(readers, tmp_path / "p.yaml", parameters={"text": "a\n# b\n- c"})
    assert _defaults(compiled.path)["text"] == "a\n# b\n- c"


@pytest.mark.parametrize("text", ["1e3", "1.5e3", "-1e-3", "08", "0o17", "y", "N", "no", "null"])
def test_text_that_looks_like_another_type_is_quoted(tmp_path: Path, text: str) -> None:
    compiled = compile_pipeline(readers, tmp_path / "p.yaml", parameters={"text": text})
    body = compiled.path.read_text(encoding="utf-8")
    assert f"defaultValue: '{text}'" in body
    assert _defaults(compiled.path)["text"] == text


def test_names_that_go_reads_as_booleans_are_quoted(tmp_path: Path) -> None:
    body = compile_pipeline(readers, tmp_path / "p.yaml").path.read_text(encoding="utf-8")
    lines = [line for line in body.splitlines() if not line.startswith("#")]
    bare = [line for line in lines if re.search(r"(^\s*|: )[yYnN](:|$)", line)]
    assert not bare


def test_numbers_stay_numbers(tmp_path: Path) -> None:
    defaults = _defaults(compile_pipeline(readers, tmp_path / "p.yaml").path)
    assert (defaults["n"], defaults["rate"]) == (3, 0.00001)
