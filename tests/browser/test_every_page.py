"""Every page in a real browser: accessible, within its policy, readable on a telephone."""

from __future__ import annotations

from typing import Any

import pytest

from browser.conftest import OpenTab
from support.browser import Complaints, violations
from support.web_store import HOSTILE, WebStore

pytestmark = pytest.mark.interop
PAGES = {
    "runs": "/",
    "no runs": "/?pipeline=none",
    "run": "/runs/run-good",
    "wide run": "/runs/run-wide",
    "failed run": "/runs/run-failed",
    "hostile run": f"/runs/run/{HOSTILE}",
    "models": "/models",
    "pass": "/models/{good}",
    "refused": "/models/{forged}",
    "not judged": "/models/{hostile}",
    "from outside": "/artifacts/{raw}",
    "made of it": "/artifacts/{raw}?show=down",
    "step": "/steps/2",
    "choose": "/diff?after={good}",
    "compare": "/diff?before=run-good&after=run-unsigned",
    "nothing found": "/search?q=nothing",
    "found": "/search?q=d743",
}


def address_of(name: str, store: WebStore) -> str:
    names = {kind: getattr(store, kind) for kind in ("good", "forged", "hostile", "raw")}
    return PAGES[name].replace("{", "\0{").format(**names).replace("\0", "")


def is_settled(tab: Any) -> None:
    """What comes later has come: verdicts of lists, counts."""
    tab.wait_for_function("() => !document.querySelector('[aria-busy=true]')")
    tab.wait_for_load_state("networkidle")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_accessible_and_keeps_its_policy(
    open_tab: OpenTab, web_store: WebStore, axe: str, name: str, scheme: str
) -> None:
    tab = open_tab(address_of(name, web_store), color_scheme=scheme)
    is_settled(tab)
    if tab.locator(".canvas").count():
        tab.focus(".canvas")
        tab.keyboard.press("Home")
        tab.locator(".same summary").click()
    assert violations(tab, axe) == []


@pytest.mark.parametrize("name", PAGES)
def test_a_page_fits_on_a_telephone(open_tab: OpenTab, web_store: WebStore, name: str) -> None:
    tab = open_tab(address_of(name, web_store), width=360, height=740, has_touch=True)
    is_settled(tab)
    assert tab.evaluate("document.documentElement.scrollWidth") <= 360


def test_names_that_are_markup_run_nothing(open_tab: OpenTab, web_store: WebStore) -> None:
    for address in ("/", "/models", f"/runs/run/{HOSTILE}", f"/models/{web_store.hostile}"):
        tab = open_tab(address)
        is_settled(tab)
        assert HOSTILE in tab.inner_text("body")  # and no dialog is among the complaints


def test_a_page_asks_only_its_own_server(
    open_tab: OpenTab, web_store: WebStore, site: str, complaints: Complaints
) -> None:
    is_settled(open_tab(f"/models/{web_store.good}"))
    assert complaints.requests
    assert all(request.startswith((site, "data:image/svg+xml,")) for request in complaints.requests)


def test_verdicts_of_a_list_come_by_themselves(open_tab: OpenTab) -> None:
    tab = open_tab("/models")
    tab.wait_for_function("() => document.querySelectorAll('.verdict').length === 7")
    words = [text.strip() for text in tab.locator(".verdict").all_inner_texts()]
    assert words == ["not judged"] * 5 + ["refused", "pass"]


def test_without_scripts_everything_is_there(open_tab: OpenTab, web_store: WebStore) -> None:
    tab = open_tab(f"/models/{web_store.good}", java_script_enabled=False)
    assert tab.locator("svg.drawn text", has_text="preprocess").is_visible()
    assert tab.locator(".tools").is_hidden()
    tab.get_by_role("link", name="Count its readers").click()
    assert tab.locator("dt", has_text="steps used it").is_visible()
    tab.locator("svg.drawn a", has_text="train_set").click()
    assert "/artifacts/sha256:" in tab.url


def test_a_digest_can_be_copied(open_tab: OpenTab, web_store: WebStore) -> None:
    permissions = ["clipboard-read", "clipboard-write"]
    tab = open_tab(f"/models/{web_store.good}", permissions=permissions)
    tab.locator(".identity button.copy").click()
    tab.wait_for_function("() => document.getElementById('said').textContent === 'Copied'")
    assert tab.evaluate("navigator.clipboard.readText()") == web_store.good


def test_the_first_key_leads_past_the_navigation(open_tab: OpenTab) -> None:
    tab = open_tab("/")
    tab.keyboard.press("Tab")
    assert tab.evaluate("document.activeElement.textContent") == "Skip to the content"
    tab.keyboard.press("Enter")
    assert tab.evaluate("document.activeElement.id") == "content"
