"""``kprov diff`` as a user calls it."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.command_line import CommandLine
from support.compared_runs import Store, noisy_runs


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return noisy_runs(tmp_path_factory.mktemp("store"))


@pytest.fixture
def kprov(tmp_path: Path, store: Store) -> CommandLine:
    return CommandLine(tmp_path / "home", variables={"KPROV_STORE": store.uri})


def test_text_by_default_and_exit_0_although_they_differ(kprov: CommandLine) -> None:
    said = kprov.succeed("diff", "run-one", "run-two")
    assert said.output.startswith("DIFFERENT  train/model\n")
    assert "label noise: 100 of 1,000 labels" in said.output
    assert "\x1b" not in said.output


def test_exit_code_says_whether_they_differ_if_asked(kprov: CommandLine) -> None:
    assert kprov("diff", "run-one", "run-two", "--exit-code").exit_code == 1
    same = kprov.succeed("diff", "run-one", "run-one", "--exit-code")
    assert same.output.startswith("EQUAL  train/model\n")


def test_json_for_machines(kprov: CommandLine) -> None:
    for flag in (("--json",), ("--format", "json")):
        found = kprov.succeed("diff", "run-one", "run-two", *flag).json
        assert found["causes"][0]["kind"] == "label"


def test_a_key_and_a_label_are_taken(kprov: CommandLine) -> None:
    found = kprov.succeed("diff", "run-one", "run-two", "--key", "id", "--json").json
    assert found["causes"][0]["evidence"]["exact"] is True
    other = kprov.succeed("diff", "run-one", "run-two", "--label", "age", "--json").json
    assert other["data"][0]["tables"]["labels"]["name"] == "age"


def test_without_data_only_records_are_compared(kprov: CommandLine) -> None:
    found = kprov.succeed("diff", "run-one", "run-two", "--no-data", "--json").json
    assert found["data"] == []
    assert [cause["kind"] for cause in found["causes"]] == ["bytes", "parameter"]


def test_a_page_goes_to_a_file_or_to_the_terminal(kprov: CommandLine, tmp_path: Path) -> None:
    target = tmp_path / "diff.html"
    said = kprov.succeed("diff", "run-one", "run-two", "--format", "html", "-o", target)
    assert said.output == ""
    assert str(target) in said.errors
    page = target.read_text(encoding="utf-8")
    assert page.startswith("<!doctype html>")
    assert kprov.succeed("diff", "run-one", "run-two", "--format", "html").output == page
    assert kprov.succeed("diff", "run-one", "run-two", "-o", tmp_path / "diff.txt").output == ""
    assert (tmp_path / "diff.txt").read_text().startswith("DIFFERENT")


def test_errors_have_a_code_and_a_remedy(kprov: CommandLine, tmp_path: Path) -> None:
    assert kprov("diff", "run-one", "nothing", "--json").codes == {"REFERENCE_UNKNOWN"}
    said = kprov("diff", "run-one", "run-two", "-o", tmp_path / "no" / "folder")
    assert said.exit_code == 2
    assert said.errors.startswith("USAGE: ")
    assert "remedy" in said.errors
