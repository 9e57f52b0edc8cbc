"""Serve the page on this machine until somebody stops it."""

from __future__ import annotations

import socket
from collections.abc import Callable
from contextlib import suppress

import uvicorn

from kfp_provenance.codes import Code
from kfp_provenance.errors import SettingsError
from kfp_provenance.web.security import ASGIApp


def serve(app: ASGIApp, host: str, port: int, ready: Callable[[str], None]) -> None:
    """Answer requests; returns after an interrupt.

    Args:
        app: The page.
        host: Address of this machine to listen at.
        port: Port; 0 takes a free one.
        ready: Is told the address of the page, once it is listened at.

    Raises:
        SettingsError: USAGE if it cannot be listened at.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listening = socket.create_server((host.strip("[]"), port), family=family)
    except (OSError, OverflowError) as error:
        raise SettingsError(
            Code.USAGE,
            "the page cannot listen there",
            where=f"{host}:{port}",
            found=str(error),
            remedy="choose another --port; 0 takes a free one",
        ) from error
    name = f"[{host.strip('[]')}]" if family == socket.AF_INET6 else host
    with listening:
        ready(f"http://{name}:{listening.getsockname()[1]}/")
        # no forwarded headers: nobody says by a header where a request comes from
        config = uvicorn.Config(
            app, log_level="warning", proxy_headers=False, server_header=False, lifespan="on"
        )
        with suppress(KeyboardInterrupt):  # which is how it ends; uvicorn raises it again
            uvicorn.Server(config).run(sockets=[listening])
