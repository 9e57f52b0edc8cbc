"""The exported file, opened from the disk without a network."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from browser.conftest import OpenTab
from support.browser import Complaints, violations
from support.web_store import WebStore

pytestmark = pytest.mark.interop
LIMIT = 1_500_000


@pytest.fixture(scope="module")
def exported(web_store: WebStore, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("export") / "model.html"
    subprocess.run(
        [sys.executable, "-m", "kfp_provenance", "export", web_store.hostile, "-o", str(file),
         "--store", web_store.uri, "--key", str(web_store.key)],
        check=True, timeout=120,
    )  # fmt: skip
    return file


def test_it_opens_offline_and_asks_for_nothing(
    open_tab: OpenTab, exported: Path, complaints: Complaints
) -> None:
    assert exported.stat().st_size < LIMIT
    tab = open_tab(exported.as_uri(), offline=True)
    tab.wait_for_function("() => document.querySelector('.lineage').view")
    assert tab.locator(".canvas canvas").first.is_visible()
    tab.focus(".canvas")
    tab.keyboard.press("Home")
    tab.keyboard.press("ArrowLeft")
    assert tab.locator(".details h3").inner_text() == "train"
    assert tab.locator(".details a").count() == 0
    wanted = [r for r in complaints.requests if not r.startswith("data:image/svg+xml,")]
    assert wanted == [exported.as_uri()]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_is_accessible(open_tab: OpenTab, exported: Path, axe: str, scheme: str) -> None:
    tab = open_tab(exported.as_uri(), offline=True, color_scheme=scheme)
    tab.locator("details.step summary").first.click()
    assert violations(tab, axe) == []


def test_without_scripts_it_is_a_still_picture(open_tab: OpenTab, exported: Path) -> None:
    tab: Any = open_tab(exported.as_uri(), offline=True, java_script_enabled=False)
    assert tab.locator("svg.drawn text", has_text="preprocess").is_visible()


def test_a_changed_script_does_not_run(
    open_tab: OpenTab, exported: Path, tmp_path: Path, complaints: Complaints
) -> None:
    """The policy names the hashes of the scripts; whoever adds one must change it too."""
    text = exported.read_text(encoding="utf-8")
    copy = tmp_path / "changed.html"
    copy.write_text(text.replace("</body>", "<script>document.title = 'ran'</script></body>"))
    tab = open_tab(copy.as_uri(), offline=True)
    assert tab.title() != "ran"
    assert any("Content Security Policy" in complaint for complaint in complaints.texts)
    complaints.texts.clear()
