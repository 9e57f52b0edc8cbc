"""What the tests of ``vault:`` start from: a server, a key, and an environment of their own."""

from __future__ import annotations

import logging
import secrets
from pathlib import Path

import pytest

from support.openbao import OpenBao

_VARIABLES = (
    "VAULT_ADDR", "VAULT_CACERT", "VAULT_NAMESPACE", "VAULT_TOKEN", "KPROV_VAULT_ROLE_ID",
    "KPROV_VAULT_SECRET_ID",
)  # fmt: skip


@pytest.fixture
def clean_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing of the user's; everything that is logged is caught."""
    caplog.set_level(logging.DEBUG)
    for name in _VARIABLES:
        monkeypatch.delenv(name, raising=False)
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))


@pytest.fixture
def vault(clean_environment: None, openbao: OpenBao, monkeypatch: pytest.MonkeyPatch) -> OpenBao:
    """The server, which the environment names; there is nothing to log in with."""
    monkeypatch.setenv("VAULT_ADDR", openbao.address)
    return openbao


@pytest.fixture
def key(vault: OpenBao) -> str:
    """A key of this test."""
    name = f"key-{secrets.token_hex(6)}"
    vault.create_key(name)
    return name
