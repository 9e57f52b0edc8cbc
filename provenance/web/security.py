"""What every answer says to the browser, and which requests are answered at all.

The page shows what others wrote, on an address that any web site can point a browser to.
So: only GET, only by a known name (else a foreign name could be pointed at this machine,
and that site's scripts would read the store), and a policy under which a text that became
markup by a mistake of ours would still load and run nothing.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Collection, Mapping, MutableMapping
from typing import Any

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
"""No inline script, no inline style. Cytoscape sets styles by the object model alone, which
the policy allows; the one style element that it would add is in ``app.css`` instead."""
FILE_POLICY = "default-src 'none'; sandbox; frame-ancestors 'none'"
"""For what is a file to save: opened in its place it stays dead."""
HEADERS: Mapping[str, str] = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "x-frame-options": "DENY",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "cache-control": "no-store",
}
_ALIVE = "/healthz"
"""Asked by kubelets, which call it by the address of the pod; it says nothing of the store."""
_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::[0-9]{1,5})?")


class Guard:
    """ASGI middleware: the outermost part of the page.

    Args:
        app: Everything else.
        hosts: Names by which it may be called, with or without a port.
    """

    def __init__(self, app: ASGIApp, hosts: Collection[str]) -> None:
        self._app = app
        self._hosts = frozenset(host.lower() for host in hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse, or answer with the headers."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            return  # no web sockets here: the server closes it
        send = _with_headers(send, body=scope["method"] != "HEAD")
        if not self._is_known(scope) and scope["path"] != _ALIVE:
            await _refuse(send, 421, "unknown host name: start `kprov ui` with --allow-host NAME\n")
        elif scope["method"] not in ("GET", "HEAD"):
            await _refuse(send, 405, "this page is read-only\n", {"allow": "GET, HEAD"})
        else:
            await self._app({**scope, "method": "GET"}, receive, send)

    def _is_known(self, scope: Scope) -> bool:
        names = [value for name, value in scope["headers"] if name == b"host"]
        if len(names) != 1:
            return False
        host = names[0].decode("latin-1").lower()
        match = _HOST.fullmatch(host)
        return match is not None and (host in self._hosts or match[1] in self._hosts)


def _with_headers(send: Send, *, body: bool) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = [(name.lower(), value) for name, value in message.get("headers", [])]
            there = {name for name, _ in headers}
            headers += [
                (name.encode(), value.encode())
                for name, value in HEADERS.items()
                if name.encode() not in there
            ]
            message = {**message, "headers": headers}
        elif message["type"] == "http.response.body" and not body:
            message = {**message, "body": b""}
        await send(message)

    return sending


async def _refuse(
    send: Send, status: int, text: str, headers: Mapping[str, str] | None = None
) -> None:
    given = {"content-type": "text/plain; charset=utf-8", **(headers or {})}
    await send(
        {
            "type": "http.response.start",
            "status": status,
            "headers": [(name.encode(), value.encode()) for name, value in given.items()],
        }
    )
    await send({"type": "http.response.body", "body": text.encode()})
