"""A real Sigstore on free loopback ports: Fulcio, its CT log, and Rekor (v1 entries).

Keyless signing is tested with stock clients against the services that issue the evidence,
and not against something that imitates them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from support import sigstore_trust as trust
from support.go_tools import program
from support.kubernetes_api import ApiServer
from support.oidc_issuer import AUDIENCE, OidcIssuer, running_issuer
from support.processes import Program, free_ports, isolated, running
from support.sigstore_trust import InstanceKeys

_ANNOUNCEMENT = re.compile(r'^\{"address":.*\}$', re.MULTILINE)
_REKOR_HOST = "rekor.provenance.example"


@dataclass(frozen=True)
class Sigstore:
    """Where the services are, and the documents for their clients."""

    folder: Path
    issuer: OidcIssuer
    fulcio: str
    rekor: str
    trusted_root: Path
    signing_config: Path
    trust_config: Path

    def token(self, identity: str) -> str:
        """For ``namespace/serviceaccount`` or an address of mail."""
        return self.issuer.token(identity)

    def token_file(self, identity: str) -> Path:
        """The token in a file, as a projected service-account token is."""
        path = self.folder / f"{identity.replace('/', '.')}.token"
        path.write_text(self.token(identity))
        return path

    def rotated_root(self, new: Sigstore, at: datetime | None = None) -> Path:
        """The trusted root of ``new``, which took this instance's place ``at`` (now)."""
        old, fresh = (json.loads(one.trusted_root.read_bytes()) for one in (self, new))
        root = trust.rotated(old, fresh, at or datetime.now(UTC))
        return _write(new.folder / "rotated_root.json", root)


def certificate_identity(identity: str) -> str:
    """The name that Fulcio writes into the certificate for an identity."""
    if "@" in identity:
        return identity
    namespace, name = identity.split("/")
    return f"https://kubernetes.io/namespaces/{namespace}/serviceaccounts/{name}"


@contextmanager
def running_sigstore(folder: Path, cluster: ApiServer | None = None) -> Iterator[Sigstore]:
    """Start all services with new keys; skip (or fail) the test if they are not built.

    Args:
        folder: Empty; holds keys, logs of the processes, and the documents.
        cluster: Its service accounts get certificates too.
    """
    for name in ("fulcio", "ctlog", "rekor", "transparency_log"):
        program(name)
    keys = InstanceKeys(since=datetime.now(UTC) - timedelta(days=1))
    certificate = keys.certificate()
    (folder / "authority.pem").write_bytes(certificate.public_bytes(Encoding.PEM))
    with ExitStack() as stack:
        issuer = stack.enter_context(running_issuer())
        address, logs = _start_logs(stack, folder)
        ct_log, ct_program = _start_ct_log(stack, folder, keys, address, logs["certificates"])
        rekor, rekor_program = _start_rekor(stack, folder, keys, address, logs["signatures"])
        issuers = _issuers(issuer, cluster)
        fulcio, fulcio_program = _start_fulcio(stack, folder, keys, ct_log, issuers)
        ct_program.wait_for(f"{ct_log}/ct/v1/get-sth")
        rekor_program.wait_for(f"{rekor}/api/v1/log")
        fulcio_program.wait_for(f"{fulcio}/api/v2/trustBundle")
        # the log by the name that it signs with, as sigstore-js wants it
        log = f"https://{_REKOR_HOST}"
        root = trust.trusted_root(keys, certificate, fulcio, log, ct_log)
        signing = trust.signing_config(keys.since, fulcio, rekor, issuer.email)
        yield Sigstore(
            folder,
            issuer,
            fulcio,
            rekor,
            _write(folder / "trusted_root.json", root),
            _write(folder / "signing_config.json", signing),
            _write(folder / "trust_config.json", trust.trust_config(root, signing)),
        )


def _start(stack: ExitStack, folder: Path, name: str, *arguments: str | Path) -> Program:
    command = [program(name), *arguments]
    log = folder / f"{name}.log"
    return stack.enter_context(running(command, log, isolated(folder / "home")))


def _start_logs(stack: ExitStack, folder: Path) -> tuple[str, dict[str, str]]:
    """Address of Trillian, and the numbers of its logs."""
    memory = _start(stack, folder, "transparency_log", "certificates", "signatures")
    memory.wait_until(lambda: _ANNOUNCEMENT.search(memory.output()) is not None)
    (announcement,) = _ANNOUNCEMENT.findall(memory.output())
    said = json.loads(announcement)
    return said["address"], said["logs"]


def _start_ct_log(
    stack: ExitStack, folder: Path, keys: InstanceKeys, trillian: str, log: str
) -> tuple[str, Program]:
    # a key in a file would need a passphrase
    key = "".join(
        f"\\x{byte:02x}" for byte in trust.private_bytes(keys.certificate_log, Encoding.DER)
    )
    config = folder / "ctlog.cfg"
    config.touch(mode=0o600)
    config.write_text(
        f'config {{ log_id: {log} prefix: "certificates" ext_key_usages: "CodeSigning"\n'
        f' roots_pem_file: "{folder / "authority.pem"}"\n'
        f" max_merge_delay_sec: 86400 expected_merge_delay_sec: 120\n"
        f' private_key: {{ [type.googleapis.com/keyspb.PrivateKey] {{ der: "{key}" }} }} }}\n'
    )
    (port,) = free_ports(1)
    started = _start(
        stack, folder, "ctlog", f"--log_config={config}", f"--log_rpc_server={trillian}",
        f"--http_endpoint=127.0.0.1:{port}",
    )  # fmt: skip
    return f"http://127.0.0.1:{port}/certificates", started


def _start_rekor(
    stack: ExitStack, folder: Path, keys: InstanceKeys, trillian: str, log: str
) -> tuple[str, Program]:
    host, trillian_port = trillian.split(":")
    (port,) = free_ports(1)
    key = trust.write_private(folder / "rekor.key", keys.signature_log)
    started = _start(
        stack, folder, "rekor", "serve", "--port", str(port), "--rekor_server.address=127.0.0.1",
        f"--rekor_server.hostname={_REKOR_HOST}", f"--rekor_server.signer={key}",
        f"--trillian_log_server.address={host}", f"--trillian_log_server.port={trillian_port}",
        f"--trillian_log_server.tlog_id={log}", "--enable_retrieve_api=false",
    )  # fmt: skip
    return f"http://127.0.0.1:{port}", started


def _start_fulcio(
    stack: ExitStack, folder: Path, keys: InstanceKeys, ct_log: str, issuers: trust.Document
) -> tuple[str, Program]:
    port, rpc_port, metrics_port = free_ports(3)
    (folder / "ctlog.pub").write_bytes(trust.public_bytes(keys.certificate_log))
    started = _start(
        stack, folder, "fulcio", "serve", "--host=127.0.0.1", f"--port={port}",
        "--grpc-host=127.0.0.1", f"--grpc-port={rpc_port}", f"--metrics-port={metrics_port}",
        f"--legacy-unix-domain-socket=@fulcio-{port}",  # abstract: a file would be left behind
        "--ca=fileca", "--fileca-watch=false", "--fileca-key-passwd=unused",
        f"--fileca-cert={folder / 'authority.pem'}",
        f"--fileca-key={trust.write_private(folder / 'authority.key', keys.authority)}",
        f"--ct-log-url={ct_log}", f"--ct-log-public-key-path={folder / 'ctlog.pub'}",
        f"--config-path={_write(folder / 'fulcio.json', {'OIDCIssuers': issuers})}",
    )  # fmt: skip
    return f"http://127.0.0.1:{port}", started


def _issuers(issuer: OidcIssuer, cluster: ApiServer | None) -> trust.Document:
    """Whose tokens Fulcio takes; one kind for each issuer."""
    kinds = {issuer.kubernetes: "kubernetes", issuer.email: "email"}
    if cluster:
        kinds[cluster.address] = "kubernetes"
    found: trust.Document = {
        address: {"IssuerURL": address, "ClientID": AUDIENCE, "Type": kind}
        for address, kind in kinds.items()
    }
    if cluster:
        found[cluster.address]["CACert"] = cluster.authority.read_text()
    return found


def _write(path: Path, document: trust.Document) -> Path:
    path.write_text(json.dumps(document, indent=1))
    return path


@pytest.fixture(scope="session")
def sigstore_instance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sigstore]:
    """One for all tests."""
    with running_sigstore(tmp_path_factory.mktemp("sigstore")) as instance:
        yield instance


@pytest.fixture(scope="session")
def cluster_sigstore(
    api_server: ApiServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Sigstore]:
    """One that gives certificates to the service accounts of the real API server too."""
    with running_sigstore(tmp_path_factory.mktemp("sigstore"), api_server) as instance:
        yield instance
