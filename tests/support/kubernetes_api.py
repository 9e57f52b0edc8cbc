"""A real Kubernetes API server over a real etcd: objects are admitted and stored, nothing runs."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from support.go_tools import program
from support.oidc_issuer import new_key
from support.processes import Program, eventually, free_ports, isolated, loopback, running

Document = dict[str, Any]
RBAC = "/apis/rbac.authorization.k8s.io/v1"


class ApiError(Exception):
    """The server said no."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"{status}: {message}")
        self.status = status


@dataclass(frozen=True)
class ApiServer:
    """Where it listens. Its address is also the issuer of its service accounts' tokens."""

    address: str
    authority: Path
    admin: str = field(repr=False)

    def call(
        self, method: str, path: str, body: Document | None = None, token: str | None = None
    ) -> Document:
        """One request, as the administrator or with another token; its answer.

        Raises:
            ApiError: With the status, if it is refused.
        """
        headers = {"Authorization": f"Bearer {token or self.admin}"}
        with loopback() as session:
            answer = session.request(
                method,
                f"{self.address}{path}",
                json=body,
                headers=headers,
                verify=str(self.authority),
                timeout=30,
            )
        if not answer.ok:
            raise ApiError(answer.status_code, answer.text)
        found: Document = answer.json()
        return found

    def create_namespace(self, name: str) -> None:
        self.call("POST", "/api/v1/namespaces", {"metadata": {"name": name}})

    def create_service_account(self, namespace: str, name: str) -> None:
        path = f"/api/v1/namespaces/{namespace}/serviceaccounts"
        self.call("POST", path, {"metadata": {"name": name}})

    def create_pod(self, namespace: str, name: str, service_account: str) -> Document:
        """A pod that never starts; tokens can be bound to it."""
        container = {"name": "main", "image": "none.example/none"}
        body = {
            "metadata": {"name": name},
            "spec": {"serviceAccountName": service_account, "containers": [container]},
        }
        return self.call("POST", f"/api/v1/namespaces/{namespace}/pods", body)

    def create_cluster_role(self, name: str, *rules: Document) -> None:
        """Rules as in a ClusterRole. Nobody fills ``view``, ``edit`` and ``admin`` here."""
        self.call("POST", f"{RBAC}/clusterroles", {"metadata": {"name": name}, "rules": rules})

    def bind_cluster_role(self, role: str, subject: Document, allows: Document) -> None:
        """Give the role to a subject, and wait until the server goes by it.

        Args:
            role: Its name.
            subject: As in a ClusterRoleBinding.
            allows: Something that the role allows, as in a SubjectAccessReview.
        """
        reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role}
        body = {
            "metadata": {"generateName": f"{role.replace(':', '-')}-"},
            "roleRef": reference,
            "subjects": [subject],
        }
        self.call("POST", f"{RBAC}/clusterrolebindings", body)
        eventually(lambda: self.allowed(subject, allows), f"{role} of {subject}")

    def allowed(self, subject: Document, attributes: Document) -> bool:
        """Whether a subject may do this: ``attributes`` as in a SubjectAccessReview."""
        name = subject["name"]
        who: Document = {"groups": [name]}
        if subject["kind"] == "ServiceAccount":
            who = {"user": f"system:serviceaccount:{subject['namespace']}:{name}"}
        path = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
        answer = self.call("POST", path, {"spec": who | attributes})
        return bool(answer["status"]["allowed"])

    def service_account_token(
        self, namespace: str, name: str, audience: str, *, pod: str = "", seconds: int = 600
    ) -> str:
        """By TokenRequest, as the kubelet gets what it projects into a pod.

        Args:
            namespace: Of the service account.
            name: Of the service account.
            audience: Who may take the token.
            pod: Binds the token to this pod, which its claims then name.
            seconds: Until it expires; the server takes no less than 600.
        """
        spec: Document = {"audiences": [audience], "expirationSeconds": seconds}
        if pod:
            spec["boundObjectRef"] = {"kind": "Pod", "apiVersion": "v1", "name": pod}
        path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{name}/token"
        token: str = self.call("POST", path, {"spec": spec})["status"]["token"]
        return token


def service_account(namespace: str, name: str) -> Document:
    """As the subject of a binding."""
    return {"kind": "ServiceAccount", "namespace": namespace, "name": name}


@contextmanager
def running_api_server(folder: Path) -> Iterator[ApiServer]:
    """Start etcd and the API server; skip (or fail) the test if they are not built.

    Everybody may read its issuer's keys, so that other services can check its tokens.
    """
    binary = program("apiserver")
    port, client_port, peer_port = free_ports(3)
    store = f"http://127.0.0.1:{client_port}"
    with ExitStack() as stack:

        def start(name: str, *arguments: str) -> Program:
            log = folder / f"{name}.log"
            return stack.enter_context(running([binary, *arguments], log, isolated(folder)))

        start(
            "etcd", "etcd", f"--data-dir={folder / 'data'}", f"--listen-client-urls={store}",
            f"--advertise-client-urls={store}", "--unsafe-no-fsync", "--log-level=warn",
            f"--listen-peer-urls=http://127.0.0.1:{peer_port}",
        )  # fmt: skip
        server = ApiServer(
            f"https://127.0.0.1:{port}",
            folder / "certificates" / "apiserver.crt",
            secrets.token_hex(16),
        )
        process = start("apiserver", *_options(server, folder, port, store))
        # it makes its own certificate first
        process.wait_until(lambda: server.authority.is_file() and _has_keys(server.authority))
        process.wait_for(
            f"{server.address}/readyz",
            headers={"Authorization": f"Bearer {server.admin}"},
            verify=str(server.authority),
        )
        everybody = {"kind": "Group", "name": "system:unauthenticated"}
        keys = {"nonResourceAttributes": {"verb": "get", "path": "/openid/v1/jwks"}}
        server.bind_cluster_role("system:service-account-issuer-discovery", everybody, keys)
        yield server


def _options(server: ApiServer, folder: Path, port: int, store: str) -> list[str]:
    key, users = folder / "service-accounts.key", folder / "users.csv"
    for secret in (key, users):
        secret.touch(mode=0o600)
    key.write_bytes(
        new_key().private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    )
    users.write_text(f'{server.admin},administrator,1,"system:masters"\n')
    return [
        f"--etcd-servers={store}",
        "--bind-address=127.0.0.1",
        "--advertise-address=127.0.0.1",
        f"--secure-port={port}",
        f"--cert-dir={server.authority.parent}",
        f"--service-account-issuer={server.address}",
        f"--service-account-jwks-uri={server.address}/openid/v1/jwks",
        f"--service-account-key-file={key}",
        f"--service-account-signing-key-file={key}",
        f"--token-auth-file={users}",
        "--authorization-mode=RBAC",
        "--service-cluster-ip-range=10.0.0.0/24",
        "--disable-admission-plugins=ServiceAccount",  # nobody makes the `default` account
    ]


def _has_keys(certificate: Path) -> bool:
    return "END CERTIFICATE" in certificate.read_text("ascii")


@pytest.fixture(scope="session")
def api_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    """One for all tests; each test takes namespaces of its own."""
    with running_api_server(tmp_path_factory.mktemp("kubernetes")) as server:
        yield server
