"""Names and rules; whether in-toto takes them is shown in tests/interop."""

from __future__ import annotations

import fnmatch
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from kfp_provenance.cli import app
from kfp_provenance.codes import Code
from kfp_provenance.errors import SettingsError
from kfp_provenance.facts import ArtifactKind
from kfp_provenance.layout import PlannedInput, PlannedStep, key_id
from kfp_provenance.layout.naming import digest_set, pattern, step_name, usable_step_name
from kfp_provenance.layout.rules import material_rules, product_rules
from support.chains import artifact, key_pair

STEP = PlannedStep(
    "fit",
    "churn.fit",
    "sha256:00",
    inputs=(PlannedInput("data", "split", "left"),),
    roots=("extra",),
    outputs=("log", "model"),
    required=("model",),
)


def test_every_input_is_there_and_is_what_its_producer_made() -> None:
    assert material_rules(STEP, reads_sources=False) == [
        ["REQUIRE", "input/data/split/left"],
        ["MATCH", "split/left", "IN", "input/data", "WITH", "PRODUCTS", "FROM", "split"],
        ["REQUIRE", "root/extra"],
        ["ALLOW", "root/extra"],
        ["DISALLOW", "*"],
    ]


def test_a_step_that_may_read_from_outside() -> None:
    rules = material_rules(STEP, reads_sources=True)
    assert rules[-2:] == [["ALLOW", "source/*"], ["DISALLOW", "*"]]


def test_what_is_taken_must_be_there_and_nothing_undeclared() -> None:
    assert product_rules(STEP) == [
        ["REQUIRE", "fit/model"],
        ["CREATE", "fit/log"],
        ["CREATE", "fit/model"],
        ["DISALLOW", "*"],
    ]


@pytest.mark.parametrize("name", ["data[1]", "a*b", "what?", "plain", "[x]/[!y]"])
def test_a_pattern_matches_its_name_alone(name: str) -> None:
    others = ["data1", "aab", "a*", "whats", "plain2", "x/y", "[x]/[!y]2"]
    assert fnmatch.filter([*others, name], pattern(name)) == [name]


def test_a_step_has_the_last_part_of_its_task_as_name() -> None:
    assert step_name("for-loop-1-iteration-0/train") == "train"
    assert step_name("train") == "train"


@pytest.mark.parametrize("name", ["", ".", "..", ".x", "a/b", "a\nb", "a\0", "x" * 201])
def test_names_that_are_no_files(name: str) -> None:
    assert not usable_step_name(name)
    assert usable_step_name("Load [1] the data")


def test_a_listing_is_not_the_file_of_its_text() -> None:
    file, folder, values = (
        digest_set(artifact(b"{}", kind=kind))
        for kind in (ArtifactKind.FILE, ArtifactKind.DIRECTORY, ArtifactKind.VALUES)
    )
    assert file == values != folder
    assert list(folder) == ["dirHash"]


def test_the_id_of_a_key_does_not_depend_on_how_its_file_is_written(tmp_path: Path) -> None:
    from kfp_provenance.signing import load_public_key

    _, pem = key_pair(tmp_path)
    same = load_public_key(pem.replace(b"\n", b"\r\n"))
    assert key_id(load_public_key(pem)) == key_id(same)
    assert set(key_id(same)) <= set("0123456789abcdef")


@pytest.mark.parametrize("command", ["make", "links"])
def test_without_in_toto_the_remedy_says_what_to_install(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "in_toto.models.metadata", None)
    options = {
        "make": ["tabular_training", "--functionary", "f.pub", "--signer", "file:k"],
        "links": ["model", "--bundle", "b", "--key", "k.pub", "--signer", "file:k"],
    }[command]
    done = CliRunner().invoke(app, ["layout", command, *options, "-o", str(tmp_path / "out")])
    assert isinstance(done.exception, SettingsError)
    assert done.exception.code is Code.DEPENDENCY_MISSING
    assert done.exception.remedy == "pip install 'kfp-provenance[in-toto]'"
    assert not (tmp_path / "out").exists()
