"""``vault:`` URIs and the settings beside them: read strictly, without any server."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kfp_provenance.codes import Code
from kfp_provenance.errors import ProvenanceError, SettingsError, SigningError
from kfp_provenance.signing import open_signer
from kfp_provenance.signing.vault.login import read_credential
from kfp_provenance.signing.vault.server import Server, server_from_environment
from kfp_provenance.signing.vault.uri import SERVICE_ACCOUNT_TOKEN, Login, TransitKey, parse

HERE = "http://127.0.0.1:8200"


@pytest.mark.parametrize(
    ("uri", "key"),
    [
        ("vault:signer", TransitKey("signer", "transit", None, Login("token", "token", "", None))),
        (
            "vault:a.b_c-1?version=12&mount=keys/of/team&token-file=/a%20b",
            TransitKey("a.b_c-1", "keys/of/team", 12, Login("token", "token", "", Path("/a b"))),
        ),
        (
            "vault:s?auth=approle&auth-mount=ci/approle&role-id=r-1&secret-id-file=s",
            TransitKey("s", "transit", None, Login("approle", "ci/approle", "r-1", Path("s"))),
        ),
        (
            "vault:s?auth=approle",
            TransitKey("s", "transit", None, Login("approle", "approle", "", None)),
        ),
        (
            "vault:s?auth=kubernetes&role=signer",
            TransitKey(
                "s",
                "transit",
                None,
                Login("kubernetes", "kubernetes", "signer", SERVICE_ACCOUNT_TOKEN),
            ),
        ),
    ],
)
def test_what_a_uri_says(uri: str, key: TransitKey) -> None:
    assert parse(uri) == key


@pytest.mark.parametrize(
    "uri",
    [
        "vault:",
        "vault://host/key",
        "vault:key#hunter2",
        "vault:a/b",
        "vault:..",
        "vault:%2e%2e",
        "vault:a%2fb",
        "vault:a b",
        "vault:a%00",
        "vault:ключ",
        "vault:key\n",
        "vault:k?version=0",
        "vault:k?version=-1",
        "vault:k?version=01",
        "vault:k?version=1.0",
        "vault:k?version=latest",
        "vault:k?version=",
        "vault:k?version=9999999999",
        "vault:k?version=\u0661",
        "vault:k?version=1&version=2",
        "vault:k?mount=",
        "vault:k?mount=/transit",
        "vault:k?mount=transit/",
        "vault:k?mount=a//b",
        "vault:k?mount=../sys",
        "vault:k?mount=a/..",
        "vault:k?mount=a%3fb",
        "vault:k?mount=a%23",
        "vault:k?auth=userpass",
        "vault:k?auth=kubernetes",
        "vault:k?auth=kubernetes&role=a/b",
        "vault:k?auth=kubernetes&role=r&secret-id-file=f",
        "vault:k?auth=approle&role=r",
        "vault:k?auth=approle&token-file=f",
        "vault:k?auth=approle&auth-mount=../token",
        "vault:k?auth-mount=approle",
        "vault:k?role-id=r",
        "vault:k?token=hunter2",
        "vault:k?secret-id=hunter2&auth=approle",
        "vault:k?hunter2",
        "vault:k?hunter2=1",
        "vault:k?version=1&",
    ],
)
def test_a_uri_that_is_not_understood_is_refused_and_not_repeated(uri: str) -> None:
    with pytest.raises(SigningError) as caught:
        open_signer(uri)
    assert caught.value.code is Code.SIGNER_URI_INVALID
    assert "hunter2" not in caught.value.diagnostics()
    assert caught.value.__cause__ is None


@given(st.text(max_size=60))
def test_no_uri_does_anything_else_than_name_a_key_or_be_refused(text: str) -> None:
    with suppress(SigningError):
        key = parse(f"vault:{text}")
        for part in (key.name, *key.mount.split("/"), *key.login.mount.split("/")):
            assert part not in {"", ".", ".."}
            assert not set(part) & set("/?#%\\")


# --- the server


def server(**environ: str) -> Server:
    return server_from_environment(environ)


def test_the_server_of_the_environment(tmp_path: Path) -> None:
    assert server(VAULT_ADDR="https://vault.example:8200/") == Server("https://vault.example:8200")
    file = tmp_path / "ca.pem"
    file.write_text("")
    assert server(
        VAULT_ADDR="https://vault.example/proxied", VAULT_NAMESPACE="team/a", VAULT_CACERT=str(file)
    ) == Server("https://vault.example/proxied", "team/a", file)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.9.9.9:8200", "[::1]:8200"])
def test_without_tls_only_to_this_machine(host: str) -> None:
    assert server(VAULT_ADDR=f"http://{host}").address == f"http://{host}"


@pytest.mark.parametrize(
    "address",
    [
        "",
        "vault.example:8200",
        "http://vault.example:8200",
        "http://10.0.0.1",
        "http://127.0.0.1.example",
        "http://localhost.example",
        "http://0.0.0.0",
        "unix:///run/vault.sock",
        "https://",
        "https://user:hunter2@vault.example",
        "https://hunter2@vault.example",
        "https://vault.example/?token=hunter2",
        "https://vault.example/#hunter2",
        "https://vault.example:port",
        "https://vault.example/a b",
        "https://[::1",
    ],
)
def test_an_address_that_is_refused(address: str) -> None:
    with pytest.raises(SettingsError) as caught:
        server(VAULT_ADDR=address)
    assert (caught.value.code, caught.value.where) == (Code.SETTING_INVALID, "VAULT_ADDR")
    assert "hunter2" not in caught.value.diagnostics()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("VAULT_CACERT", "/no/such/file"),
        ("VAULT_CACERT", "/"),
        ("VAULT_NAMESPACE", "a b"),
        ("VAULT_NAMESPACE", "a\r\nX-Vault-Token: b"),
    ],
)
def test_other_settings_that_are_refused(name: str, value: str) -> None:
    with pytest.raises(SettingsError) as caught:
        server_from_environment({"VAULT_ADDR": HERE, name: value})
    assert (caught.value.code, caught.value.where) == (Code.SETTING_INVALID, name)


def test_without_an_address_nothing_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VAULT_ADDR", raising=False)
    with pytest.raises(SettingsError) as caught:
        open_signer("vault:signer")
    assert caught.value.where == "VAULT_ADDR"


def test_a_library_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VAULT_ADDR", HERE)
    monkeypatch.delenv("VAULT_CACERT", raising=False)
    monkeypatch.setitem(__import__("sys").modules, "hvac", None)
    with pytest.raises(SettingsError) as caught:
        open_signer("vault:signer")
    assert caught.value.code is Code.DEPENDENCY_MISSING
    assert caught.value.remedy == "pip install 'kfp-provenance[vault]'"


# --- what to log in with


def credential(uri: str, environ: Mapping[str, str]) -> tuple[str, str]:
    found = read_credential(parse(uri).login, environ)
    assert found.secret not in repr(found)
    return found.role, found.secret


def failed(uri: str, environ: Mapping[str, str]) -> ProvenanceError:
    with pytest.raises(ProvenanceError) as caught:
        credential(uri, environ)
    assert "hunter2" not in caught.value.diagnostics()
    return caught.value


def private(path: Path, text: str, mode: int = 0o600) -> Path:
    path.write_text(text)
    path.chmod(mode)
    return path


def test_a_token(tmp_path: Path) -> None:
    file = private(tmp_path / "token", "from-file\n")
    private(tmp_path / ".vault-token", "from-home")
    home = {"HOME": str(tmp_path)}
    assert credential("vault:k", home) == ("", "from-home")
    assert credential("vault:k", home | {"VAULT_TOKEN": "from-env"}) == ("", "from-env")
    assert credential(f"vault:k?token-file={file}", {"VAULT_TOKEN": "x"}) == ("", "from-file")
    for environ in ({}, {"HOME": "/no/such/home"}, {"VAULT_TOKEN": "hunter2 hunter2"}):
        assert failed("vault:k", environ).code is Code.SETTING_INVALID


def test_an_app_role(tmp_path: Path) -> None:
    file = private(tmp_path / "secret", "from-file")
    variables = {"KPROV_VAULT_ROLE_ID": "role", "KPROV_VAULT_SECRET_ID": "from-env"}
    assert credential("vault:k?auth=approle", variables) == ("role", "from-env")
    uri = f"vault:k?auth=approle&role-id=mine&secret-id-file={file}"
    assert credential(uri, variables) == ("mine", "from-file")
    for name in variables:
        rest = {other: value for other, value in variables.items() if other != name}
        assert name in failed("vault:k?auth=approle", rest).expected


@pytest.mark.parametrize(
    ("text", "mode"),
    [
        ("hunter2", 0o644),
        ("hunter2 hunter2", 0o600),
        ("hunter2\nhunter2", 0o600),
        ("", 0o600),
        ("hunter2é", 0o600),
    ],
)
def test_a_file_that_holds_no_token_or_that_others_may_read(
    tmp_path: Path, text: str, mode: int
) -> None:
    file = private(tmp_path / "f", text, mode)
    for uri in (
        f"vault:k?token-file={file}",
        f"vault:k?auth=approle&role-id=r&secret-id-file={file}",
        f"vault:k?auth=kubernetes&role=r&token-file={file}",
    ):
        assert failed(uri, {}).code is Code.KEY_UNREADABLE


@pytest.mark.parametrize("name", ["missing", "%00", "."])
def test_a_file_that_is_not_there(name: str) -> None:
    assert failed(f"vault:k?token-file={name}", {}).code is Code.KEY_UNREADABLE


def test_a_projected_token_is_read_as_it_is_mounted(tmp_path: Path) -> None:
    dated = tmp_path / "..2026_03_01_12_00_00.123456789"
    dated.mkdir()
    private(dated / "token", "e30.e30.c2ln", 0o644)
    (tmp_path / "..data").symlink_to(dated.name)
    (tmp_path / "token").symlink_to("..data/token")
    uri = f"vault:k?auth=kubernetes&role=signer&token-file={tmp_path / 'token'}"
    assert credential(uri, {}) == ("signer", "e30.e30.c2ln")
