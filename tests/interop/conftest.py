"""Real servers and clients; each is started when the first test asks for it."""

from __future__ import annotations

from support.command_line import kprov
from support.cosign import cosign
from support.kubernetes_api import api_server
from support.openbao import openbao
from support.sigstore_clients import sigstore_js
from support.sigstore_instance import cluster_sigstore, sigstore_instance

__all__ = [
    "api_server",
    "cluster_sigstore",
    "cosign",
    "kprov",
    "openbao",
    "sigstore_instance",
    "sigstore_js",
]
