"""Debian's Chromium, a page that `kprov ui` serves, and axe, which judges how accessible it is."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from support.interop import absent
from support.web_store import WebStore

CHROMIUM = "/usr/bin/chromium"
_AXE = Path("build/tools/axe/node_modules/axe-core/axe.min.js")
_TOP = Path(__file__).resolve().parents[2]


@dataclass
class Complaints:
    """What the browser said while a page was open; nothing of it is expected."""

    texts: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def watch(self, page: Any) -> None:
        """Listen to a page: its console (policy violations too), errors, dialogs, requests."""
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.texts.append(f"error: {error}"))
        page.on("dialog", self._dialog)
        page.on("request", lambda request: self.requests.append(request.url))

    def _dialog(self, dialog: Any) -> None:
        self.texts.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def _console(self, message: Any) -> None:
        if message.type in {"error", "warning"}:
            self.texts.append(f"{message.type}: {message.text}")


def axe_source() -> str:
    """The script of axe, or a skip."""
    path = _TOP / _AXE
    if not path.is_file():
        absent("axe is not installed: run .ci/node-tools")
    return path.read_text(encoding="utf-8")


def violations(page: Any, source: str) -> list[str]:
    """What axe finds, each with the elements."""
    page.evaluate(source)
    found = page.evaluate(
        "axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa',"
        " 'best-practice']})"
    )
    return [
        f"{violation['id']}: {node['target']} {node['failureSummary']}"
        for violation in found["violations"]
        for node in violation["nodes"]
    ]


@contextmanager
def served(store: WebStore, *options: object) -> Iterator[str]:
    """`kprov ui` over a store, as a program of its own; yields its address."""
    command = [
        sys.executable, "-m", "kfp_provenance", "ui", "--store", store.uri, "--port", "0",
        "--key", str(store.key), *map(str, options),
    ]  # fmt: skip
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            address = re.match(r"(http://\S+)/ ", process.stdout.readline())
            assert address
            yield address[1]
        finally:
            process.terminate()


@contextmanager
def chromium() -> Iterator[Any]:
    """The browser, or a skip."""
    if shutil.which(CHROMIUM) is None:
        absent("Chromium is not installed: run .ci/debian chromium")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        absent("playwright is not installed")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        try:
            yield browser
        finally:
            browser.close()
