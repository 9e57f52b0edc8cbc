"""The page over a real store, asked without a socket."""

from __future__ import annotations

import shutil
import warnings
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

with warnings.catch_warnings():  # it would rather have httpx's next name, which is not out yet
    warnings.simplefilter("ignore")
    from starlette.testclient import TestClient

from kfp_provenance.metadata import LineageIndex, open_index
from kfp_provenance.verify import Trust
from kfp_provenance.web.app import create_app
from kfp_provenance.web.settings import WebSettings
from support.chains import NOW
from support.web_store import WebStore, make_web_store

HOST = "http://127.0.0.1:8765"
OpenPage = Callable[..., TestClient]


@pytest.fixture(scope="session")
def web_store(tmp_path_factory: pytest.TempPathFactory) -> WebStore:
    return make_web_store(tmp_path_factory.mktemp("web"))


@pytest.fixture
def index(web_store: WebStore) -> Iterator[LineageIndex]:
    with closing(open_index(web_store.uri)) as opened:
        yield opened


def settings_for(store: WebStore, **changes: object) -> WebSettings:
    def trust() -> Trust:
        return Trust.for_key(store.key.read_bytes(), name="signer.pub")

    given: dict[str, object] = {"trust": trust, "clock": lambda: NOW, **changes}
    return WebSettings(**given)  # type: ignore[arg-type]


@pytest.fixture
def open_page(web_store: WebStore) -> Iterator[OpenPage]:
    """Opens the page with other settings than usual."""
    clients = []

    def opened(store: WebStore = web_store, **changes: object) -> TestClient:
        app = create_app(lambda: open_index(store.uri), settings_for(store, **changes))
        client = TestClient(app, base_url=HOST, follow_redirects=False)
        client.__enter__()
        clients.append(client)
        return client

    yield opened
    for client in clients:
        client.__exit__(None, None, None)


@pytest.fixture
def page(open_page: OpenPage) -> TestClient:
    return open_page()


def copy_store(store: WebStore, target: Path) -> WebStore:
    """The same rows in another file, to be changed; bundles stay where they are."""
    shutil.copy(store.folder / "metadata.db", target)
    return replace(store, uri=f"sqlite:{target}")
