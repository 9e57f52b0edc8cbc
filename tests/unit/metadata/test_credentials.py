from __future__ import annotations

from pathlib import Path

import pytest

from kfp_provenance.codes import Code
from kfp_provenance.errors import SettingsError
from kfp_provenance.metadata.credentials import (
    PASSWORD_FILE_VARIABLE,
    PASSWORD_VARIABLE,
    store_password,
)


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(PASSWORD_VARIABLE, raising=False)
    monkeypatch.delenv(PASSWORD_FILE_VARIABLE, raising=False)


def test_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PASSWORD_VARIABLE, "pass word\\'\"")
    assert store_password() == "pass word\\'\""


@pytest.mark.parametrize("ending", ["", "\n", "\r\n"])
def test_from_a_file_as_kubernetes_mounts_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, ending: str
) -> None:
    (tmp_path / "..data").mkdir()
    (tmp_path / "..data" / "password").write_bytes(f"päss{ending}".encode())
    (tmp_path / "password").symlink_to("..data/password")
    monkeypatch.setenv(PASSWORD_FILE_VARIABLE, str(tmp_path / "password"))
    assert store_password() == "päss"


def test_neither_or_both(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="neither") as raised:
        store_password()
    assert raised.value.code is Code.SETTING_INVALID
    monkeypatch.setenv(PASSWORD_VARIABLE, "s3cret")
    monkeypatch.setenv(PASSWORD_FILE_VARIABLE, str(tmp_path))
    with pytest.raises(SettingsError, match="both") as raised:
        store_password()
    assert "s3cret" not in str(raised.value)


@pytest.mark.parametrize(
    "content", [b"", b"\n", b"s3cret\nmore", b"s3\0cret", b"\xff", b"x" * 5000]
)
def test_files_without_a_password(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: bytes
) -> None:
    (tmp_path / "password").write_bytes(content)
    monkeypatch.setenv(PASSWORD_FILE_VARIABLE, str(tmp_path / "password"))
    with pytest.raises(SettingsError) as raised:
        store_password()
    assert raised.value.code is Code.SETTING_INVALID
    assert "cret" not in str(raised.value)


def test_a_missing_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for path in (tmp_path / "no", tmp_path, Path()):
        monkeypatch.setenv(PASSWORD_FILE_VARIABLE, str(path))
        with pytest.raises(SettingsError) as raised:
            store_password()
        assert raised.value.code is Code.SETTING_INVALID
