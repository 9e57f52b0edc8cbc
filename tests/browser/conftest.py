"""A browser and a page, started when the first test asks for them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from support.browser import Complaints, axe_source, chromium, served
from support.web_store import WebStore, make_web_store

OpenTab = Callable[..., Any]
SECONDS = 30
"""Until a test gives up on what it waits for."""


@pytest.fixture(scope="session")
def web_store(tmp_path_factory: pytest.TempPathFactory) -> WebStore:
    return make_web_store(tmp_path_factory.mktemp("web"))


@pytest.fixture(scope="session")
def site(web_store: WebStore) -> Iterator[str]:
    with served(web_store) as address:
        yield address


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    with chromium() as started:
        yield started


@pytest.fixture(scope="session")
def axe() -> str:
    return axe_source()


@pytest.fixture
def complaints() -> Iterator[Complaints]:
    """Every test that opens a tab also says that the browser had nothing to complain of."""
    found = Complaints()
    yield found
    assert found.texts == []


@pytest.fixture
def open_tab(browser: Any, site: str, complaints: Complaints) -> Iterator[OpenTab]:
    """Opens a page in a tab with settings of its own; a path is one of the site."""
    contexts = []

    def opened(address: str, *, width: int = 1280, height: int = 900, **options: Any) -> Any:
        context = browser.new_context(viewport={"width": width, "height": height}, **options)
        context.set_default_timeout(SECONDS * 1000)
        contexts.append(context)
        tab = context.new_page()
        complaints.watch(tab)
        tab.goto(f"{site}{address}" if address.startswith("/") else address)
        tab.wait_for_load_state("networkidle")
        return tab

    yield opened
    for context in contexts:
        context.close()
