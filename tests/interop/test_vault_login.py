"""Logging in to a real OpenBao: rights end at one key, and no secret is shown to anybody."""

from __future__ import annotations

from pathlib import Path

import pytest

from kfp_provenance.codes import Code
from kfp_provenance.signing import KeySigner
from support.kubernetes_api import ApiServer
from support.openbao import AUDIENCE, AppRole, OpenBao, OpenBaoError
from support.processes import eventually
from support.vault_signer import check, open_key_signer, private, refused, sign, words

pytest_plugins = ["support.vault_fixtures"]
pytestmark = pytest.mark.interop
DATED = "..2026_03_01_12_00_00.123456789"


@pytest.fixture
def app_role(vault: OpenBao, key: str, monkeypatch: pytest.MonkeyPatch) -> AppRole:
    """May sign with the key; its two parts are in the environment."""
    made = vault.create_app_role(f"role-of-{key}", vault.allow_signing(key))
    monkeypatch.setenv("KPROV_VAULT_ROLE_ID", made.role)
    monkeypatch.setenv("KPROV_VAULT_SECRET_ID", made.secret)
    return made


def token_of(signer: KeySigner) -> str:
    """The token it holds now, which nobody else gets to see."""
    token: str = signer.holder._session._client.token  # type: ignore[attr-defined]
    return token


def alive(vault: OpenBao, token: str) -> bool:
    try:
        return bool(vault.call("POST", "auth/token/lookup", {"token": token}))
    except OpenBaoError:
        return False


def revoke(vault: OpenBao, token: str) -> None:
    vault.call("POST", "auth/token/revoke", {"token": token})
    assert not alive(vault, token)


# --- a token


def test_a_token_comes_from_the_file_then_the_environment_then_the_home_folder(
    vault: OpenBao, key: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = vault.token(vault.allow_signing(key))
    file = private(tmp_path / "token", f"{good}\n")
    assert refused(open_key_signer, f"vault:{key}").code is Code.SETTING_INVALID
    kept = private(tmp_path / "home" / ".vault-token", good)
    check(vault, open_key_signer(f"vault:{key}"), key, 1)
    monkeypatch.setenv("VAULT_TOKEN", "s.nonsense")
    assert refused(open_key_signer, f"vault:{key}").code is Code.SIGNER_DENIED
    check(vault, open_key_signer(f"vault:{key}?token-file={file}"), key, 1)
    monkeypatch.delenv("VAULT_TOKEN")
    kept.chmod(0o644)
    assert refused(open_key_signer, f"vault:{key}").remedy == f"chmod 600 {kept}"


def test_a_token_is_good_for_one_key_only(
    vault: OpenBao, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = f"{key}-other"
    vault.create_key(other)
    monkeypatch.setenv("VAULT_TOKEN", vault.token(vault.allow_signing(key)))
    check(vault, open_key_signer(f"vault:{key}"), key, 1)
    error = refused(open_key_signer, f"vault:{other}")
    assert error.code is Code.SIGNER_DENIED
    assert f"transit/keys/{other}" in error.remedy
    assert f"transit/sign/{other}" in error.remedy


def test_who_may_only_read_does_not_sign(
    vault: OpenBao, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    rule = f'path "transit/keys/{key}" {{ capabilities = ["read"] }}'
    vault.call("PUT", f"sys/policies/acl/read-{key}", {"policy": rule})
    monkeypatch.setenv("VAULT_TOKEN", vault.token(f"read-{key}"))
    signer = open_key_signer(f"vault:{key}")
    assert refused(sign, signer).code is Code.SIGNER_DENIED


def test_a_token_file_that_was_replaced_is_read_again(
    vault: OpenBao, key: str, tmp_path: Path
) -> None:
    policy = vault.allow_signing(key)
    old = vault.token(policy)
    file = private(tmp_path / "token", old)
    signer = open_key_signer(f"vault:{key}?token-file={file}")
    revoke(vault, old)
    assert refused(sign, signer).code is Code.SIGNER_DENIED
    file.write_text(vault.token(policy))
    check(vault, signer, key, 1)


# --- AppRole


def test_a_machine_logs_in_with_an_app_role(
    vault: OpenBao, key: str, app_role: AppRole, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    check(vault, open_key_signer(f"vault:{key}?auth=approle"), key, 1)
    for name in ("KPROV_VAULT_ROLE_ID", "KPROV_VAULT_SECRET_ID"):
        monkeypatch.delenv(name)
    file = private(tmp_path / "secret-id", app_role.secret)
    options = f"auth=approle&role-id={app_role.role}"
    check(vault, open_key_signer(f"vault:{key}?{options}&secret-id-file={file}"), key, 1)
    assert refused(open_key_signer, f"vault:{key}?{options}").code is Code.SETTING_INVALID
    assert refused(open_key_signer, f"vault:{key}?auth=approle").code is Code.SETTING_INVALID


def test_the_app_role_of_another_key_is_refused(
    vault: OpenBao, key: str, monkeypatch: pytest.MonkeyPatch, app_role: AppRole
) -> None:
    other = f"{key}-other"
    vault.create_key(other)
    theirs = vault.create_app_role(f"role-of-{other}", vault.allow_signing(other))
    assert refused(open_key_signer, f"vault:{other}?auth=approle").code is Code.SIGNER_DENIED
    monkeypatch.setenv("KPROV_VAULT_ROLE_ID", theirs.role)
    monkeypatch.setenv("KPROV_VAULT_SECRET_ID", theirs.secret)
    assert refused(open_key_signer, f"vault:{key}?auth=approle").code is Code.SIGNER_DENIED
    check(vault, open_key_signer(f"vault:{other}?auth=approle"), other, 1)


@pytest.mark.parametrize("mount", ["approle", "nowhere/at-all"])
def test_a_login_that_is_refused_says_so(
    vault: OpenBao, key: str, app_role: AppRole, monkeypatch: pytest.MonkeyPatch, mount: str
) -> None:
    monkeypatch.setenv("KPROV_VAULT_SECRET_ID", "hunter2-hunter2")
    error = refused(open_key_signer, f"vault:{key}?auth=approle&auth-mount={mount}")
    assert error.code is Code.SIGNER_DENIED
    assert f"auth/{mount}" in error.where
    assert "hunter2" not in words(error)


def test_a_token_that_is_revoked_on_the_way_is_replaced(
    vault: OpenBao, key: str, app_role: AppRole
) -> None:
    signer = open_key_signer(f"vault:{key}?auth=approle")
    first = token_of(signer)
    revoke(vault, first)
    check(vault, signer, key, 1)
    assert token_of(signer) != first


def test_a_token_that_expires_on_the_way_is_replaced(
    vault: OpenBao, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    policy = vault.allow_signing(key)
    brief = vault.create_app_role(f"brief-{key}", policy, lifetime="2s")
    monkeypatch.setenv("KPROV_VAULT_ROLE_ID", brief.role)
    monkeypatch.setenv("KPROV_VAULT_SECRET_ID", brief.secret)
    signer = open_key_signer(f"vault:{key}?auth=approle")
    first = token_of(signer)
    eventually(lambda: not alive(vault, first), "the token expires")
    check(vault, signer, key, 1)


def test_a_role_that_is_deleted_on_the_way_ends_it(
    vault: OpenBao, key: str, app_role: AppRole
) -> None:
    signer = open_key_signer(f"vault:{key}?auth=approle")
    vault.call("DELETE", f"auth/approle/role/role-of-{key}")
    revoke(vault, token_of(signer))
    error = refused(sign, signer)
    assert error.code is Code.SIGNER_DENIED
    assert "a new login was refused" in error.found


def test_no_secret_is_shown(
    vault: OpenBao,
    key: str,
    app_role: AppRole,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    signer = open_key_signer(f"vault:{key}?auth=approle")
    assert sign(signer)
    first = token_of(signer)
    vault.call("DELETE", f"auth/approle/role/role-of-{key}")
    revoke(vault, first)
    error = refused(sign, signer)
    told = [words(error), repr(signer), repr(signer.holder), repr(vars(signer.holder))]
    told += [repr(vars(signer)), caplog.text, *capfd.readouterr()]
    assert caplog.records
    for secret in (app_role.secret, app_role.role, first):
        assert not [text for text in told if secret in text]


# --- Kubernetes


def test_a_service_account_logs_in_with_the_token_of_its_pod(
    vault: OpenBao, api_server: ApiServer, key: str, tmp_path: Path
) -> None:
    namespace, mount = f"team-{key}", f"cluster-{key}"
    api_server.create_namespace(namespace)
    for account in ("kprov-signer", "other"):
        api_server.create_service_account(namespace, account)
    vault.trust_cluster(api_server, mount)
    policy = vault.allow_signing(key)
    vault.create_kubernetes_role(mount, "signer", f"{namespace}/kprov-signer", policy)
    volume = tmp_path / "volume"
    (volume / DATED).mkdir(parents=True)
    (volume / "..data").symlink_to(DATED)
    (volume / "token").symlink_to("..data/token")
    uri = (
        f"vault:{key}?auth=kubernetes&auth-mount={mount}&role=signer&token-file={volume / 'token'}"
    )

    def project(account: str, audience: str = AUDIENCE) -> None:
        """As the kubelet does: readable for all users of the pod."""
        token = api_server.service_account_token(namespace, account, audience)
        (volume / DATED / "token").write_text(token)
        (volume / DATED / "token").chmod(0o644)

    project("kprov-signer")
    signer = open_key_signer(uri)
    check(vault, signer, key, 1)
    revoke(vault, token_of(signer))
    project("kprov-signer")
    check(vault, signer, key, 1)
    for account, audience in (("other", AUDIENCE), ("kprov-signer", "somebody-else")):
        project(account, audience)
        error = refused(open_key_signer, uri)
        assert error.code is Code.SIGNER_DENIED
        assert (volume / "token").read_text() not in words(error)
