"""Commit and dirtiness of an author's repository, asked of a real git."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from kfp_provenance.codes import Code
from kfp_provenance.errors import TaskError
from kfp_provenance.facts import CodeState
from kfp_provenance.runtime.code_state import code_state, from_variable, to_variable
from support.repositories import commit, git, git_repository


@pytest.fixture(name="repository")
def repository_with_one_commit(tmp_path: Path) -> Path:
    repository = git_repository(tmp_path / "churn")
    (repository / "steps.py").write_text("1\n")
    (repository / ".gitignore").write_text("ignored*\n")
    (repository / "deep").mkdir()
    commit(repository)
    return repository


def test_clean_repository_seen_from_any_folder(repository: Path) -> None:
    head = git(repository, "rev-parse", "HEAD")
    expected = CodeState(head, False, "https://code.example/team/churn.git")
    assert code_state(repository) == expected
    assert code_state(repository / "deep") == expected


def _edit(repository: Path) -> None:
    (repository / "steps.py").write_text("2\n")


def _stage(repository: Path) -> None:
    (repository / "data.txt").write_text("x")
    git(repository, "add", "data.txt")


def _delete(repository: Path) -> None:
    (repository / "steps.py").unlink()


def _forget_to_add(repository: Path) -> None:
    (repository / "new.py").write_text("3\n")


def _forget_a_notebook(repository: Path) -> None:
    (repository / "notes.ipynb").write_text("{}")


@pytest.mark.parametrize("change", [_edit, _stage, _delete, _forget_to_add, _forget_a_notebook])
def test_code_that_the_commit_lacks_is_dirty(
    repository: Path, change: Callable[[Path], None]
) -> None:
    change(repository)
    for folder in (repository, repository / "deep"):
        state = code_state(folder)
        assert state is not None
        assert state.dirty


def test_other_new_files_are_not(repository: Path) -> None:
    (repository / "results.csv").write_text("x")
    (repository / "ignored.py").write_text("x")
    state = code_state(repository)
    assert state is not None
    assert not state.dirty


def test_unknown_outside_a_repository_and_before_the_first_commit(tmp_path: Path) -> None:
    assert code_state(tmp_path) is None
    assert code_state(git_repository(tmp_path / "new")) is None


def test_unknown_without_git(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    assert code_state(repository) is None


def test_no_remote(repository: Path) -> None:
    git(repository, "remote", "remove", "origin")
    state = code_state(repository)
    assert state is not None
    assert state.repository == ""


@pytest.mark.parametrize(
    "state", [None, CodeState("a" * 40, True, "u"), CodeState("b" * 64, False)]
)
def test_variable_round_trip(state: CodeState | None) -> None:
    assert from_variable(to_variable(state)) == state


@pytest.mark.parametrize(
    "text",
    ["", "{}", "[]", "3", '{"commit": "x", "dirty": true, "repository": ""}',
     '{"commit": "' + "a" * 40 + '", "dirty": "no", "repository": ""}'],
)  # fmt: skip
def test_damaged_variable_is_one_clear_error(text: str) -> None:
    with pytest.raises(TaskError) as caught:
        from_variable(text)
    assert caught.value.code is Code.TRACKING_CONFIG_INVALID
