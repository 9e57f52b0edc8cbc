"""Flags, environment and file, in this order; a task in a cluster has no default store."""

from __future__ import annotations

from pathlib import Path

import pytest

from kfp_provenance.codes import Code
from kfp_provenance.errors import SettingsError
from kfp_provenance.settings import DEFAULT_STORE, setting, store_setting, task_store


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("KPROV_STORE", raising=False)
    return tmp_path


def test_flag_beats_environment_beats_file_beats_default(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert store_setting() == DEFAULT_STORE
    (folder / "kprov.toml").write_text('store = "sqlite:from-file.db"\n')
    assert store_setting() == "sqlite:from-file.db"
    monkeypatch.setenv("KPROV_STORE", "sqlite:from-environment.db")
    assert store_setting() == "sqlite:from-environment.db"
    assert store_setting("sqlite:from-flag.db") == "sqlite:from-flag.db"


@pytest.mark.parametrize("text", ["store = 3\n", 'shop = "x"\n', "store = \n", "\udcff"])
def test_a_damaged_file_is_one_clear_error(folder: Path, text: str) -> None:
    (folder / "kprov.toml").write_text(text, errors="surrogateescape")
    with pytest.raises(SettingsError) as caught:
        setting("store")
    assert caught.value.code is Code.SETTING_INVALID
    assert "kprov.toml" in caught.value.where


def test_a_fixed_store_beats_the_environment_of_the_task() -> None:
    environ = {"KPROV_STORE": "grpc://b:1"}
    assert task_store("grpc://a:1", in_cluster=True, environ=environ) == "grpc://a:1"
    assert task_store("", in_cluster=True, environ=environ) == "grpc://b:1"


@pytest.mark.parametrize("uri", ["", "sqlite:metadata.db"])
def test_a_task_in_a_cluster_never_records_to_a_file_of_its_own(uri: str) -> None:
    with pytest.raises(SettingsError) as caught:
        task_store("", in_cluster=True, environ={"KPROV_STORE": uri})
    assert caught.value.code is Code.STORE_UNSET


def test_a_local_task_has_a_default() -> None:
    assert task_store("", in_cluster=False, environ={}) == DEFAULT_STORE
