"""What a browser is told, who is answered, and that nothing of a store becomes markup."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from starlette.testclient import TestClient

from kfp_provenance.web.links import outside_link
from support.web_store import HOSTILE, WebStore

EVERY_KIND = (
    "/",
    "/nowhere",
    "/?before=x",
    "/static/app.css",
    "/static/none",
    "/graph.json?run=run-good",
)


class Markup(HTMLParser):
    """Everything in a page that could run or load something."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.scripts: list[str | None] = []
        self.styles = 0
        self.attributes: list[str] = []
        self.addresses: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "script":
            self.scripts.append(given.get("src"))
        self.styles += tag == "style"
        self.attributes += given
        self.addresses += [given[name] or "" for name in ("href", "src", "action") if name in given]


def pages_of(page: TestClient, store: WebStore) -> list[str]:
    """Every kind of page, with the hostile names on it."""
    listed = page.get("/").text
    runs = re.findall(r'<th scope="row"><a href="(/runs/[^"]*)"', listed)
    steps = [s for run in runs for s in re.findall(r'href="(/steps/\d+)"', page.get(run).text)]
    models = [store.good, store.forged, store.unsigned, store.hostile]
    return [
        "/", "/models", "/diff", f"/diff?after={store.hostile}", f"/search?q={HOSTILE}",
        f"/runs/{HOSTILE}", f"/?pipeline={HOSTILE}", f"/diff?before=run-good&after=run/{HOSTILE}",
        *runs, *dict.fromkeys(steps),
        *(f"/models/{model}" for model in models), *(f"/verdicts/{model}" for model in models),
        *(f"/uses/{model}" for model in (*models, store.raw)),
        f"/artifacts/{store.raw}?show=down&uses=1",
    ]  # fmt: skip


@pytest.mark.parametrize("address", EVERY_KIND)
def test_every_answer_has_the_policy(page: TestClient, address: str) -> None:
    headers = page.get(address).headers
    policy = headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self';")
    assert "unsafe" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cross-origin-opener-policy"] == "same-origin"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert "frame-ancestors 'none'" in policy


def test_a_page_that_fails_has_the_policy_too(open_page, web_store: WebStore) -> None:
    from kfp_provenance.web.app import create_app
    from kfp_provenance.web.settings import WebSettings

    def broken() -> object:
        raise RuntimeError("a mistake of ours")

    app = create_app(broken, WebSettings())  # type: ignore[arg-type]
    with TestClient(app, base_url="http://localhost", raise_server_exceptions=False) as client:
        answer = client.get("/")
    assert answer.status_code == 500
    assert "a mistake of ours" not in answer.text
    assert "default-src 'none'" in answer.headers["content-security-policy"]


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
def test_nothing_but_reading(page: TestClient, method: str) -> None:
    answer = page.request(method, "/")
    assert answer.status_code == 405
    assert "default-src 'none'" in answer.headers["content-security-policy"]


def test_head_is_answered_without_a_body(page: TestClient) -> None:
    answer = page.head("/")
    assert (answer.status_code, answer.content) == (200, b"")


@pytest.mark.parametrize(
    ("host", "status"),
    [("127.0.0.1:8765", 200), ("localhost", 200), ("LOCALHOST:1", 200), ("[::1]:8765", 200),
     ("evil.example", 421), ("127.0.0.1.evil.example", 421), ("", 421), ("127.0.0.1@evil", 421),
     ("127.0.0.1:8765:1", 421), ("kprov.team.example", 421)],
)  # fmt: skip
def test_only_known_names_are_answered(page: TestClient, host: str, status: int) -> None:
    """Else any site could have its name point to this machine and read the store."""
    assert page.get("/", headers={"host": host}).status_code == status


def test_a_sign_of_life_is_given_to_everyone(page: TestClient) -> None:
    answer = page.get("/healthz", headers={"host": "10.1.2.3:8765"})
    assert (answer.status_code, answer.text) == (200, "ok\n")


def test_a_name_can_be_allowed(open_page) -> None:
    client = open_page(hosts=frozenset({"kprov.team.example"}))
    assert client.get("/", headers={"host": "kprov.team.example"}).status_code == 200
    assert client.get("/", headers={"host": "127.0.0.1"}).status_code == 421


def test_no_page_has_inline_scripts_or_styles(page: TestClient, web_store: WebStore) -> None:
    seen = set()
    for address in pages_of(page, web_store):
        answer = page.get(address)
        assert answer.status_code in (200, 404), address
        markup = Markup(answer.text)
        assert all(source and source.startswith("/static/") for source in markup.scripts), address
        assert not markup.styles
        assert not [name for name in markup.attributes if name == "style" or name.startswith("on")]
        for link in markup.addresses:
            assert link.startswith(("/", "#", "https://data.example/")), link
            assert not link.startswith("//")
        seen |= {"alert" in answer.text}
    assert seen == {True, False}  # the hostile names were on some of them, as text


def test_a_name_that_is_markup_is_text(page: TestClient, web_store: WebStore) -> None:
    text = page.get(f"/models/{web_store.hostile}").text
    assert HOSTILE not in text
    assert "&lt;script&gt;" in text
    assert 'href="javascript:' not in text.lower()


def test_letters_that_turn_the_direction_are_shown_as_escapes(
    page: TestClient, web_store: WebStore
) -> None:
    assert "\u202e" not in page.get(f"/models/{web_store.hostile}").text
    picture = page.get(f"/graph.json?of={web_store.hostile}")
    assert picture.headers["content-type"] == "application/json"
    assert "\u202e" not in picture.text
    assert any(node["title"] == "good\\u202eledom" for node in picture.json()["nodes"])


@pytest.mark.parametrize(
    ("uri", "safe"),
    [("https://data.example/a", True), ("http://data.example", True), ("javascript:x", False),
     ("JavaScript://data.example/%0aalert(1)", False), (" https://data.example", False),
     ("data:text/html,x", False), ("gs://bucket/a", False), ("/etc/passwd", False),
     ("https://user:secret@data.example", False), ("https:", False), ("http://[", False),
     ("https://data.example/\u202egnp", False), ("vbscript:x", False), ("//data.example", False)],
)  # fmt: skip
def test_only_web_addresses_become_links(uri: str, safe: bool) -> None:
    assert outside_link(uri) == (uri if safe else "")


def test_no_file_of_the_machine_is_served(page: TestClient) -> None:
    for name in ("../app.py", "..%2fapp.py", "%2e%2e/app.py", "/etc/passwd", "app.py"):
        assert page.get(f"/static/{name}").status_code in (404, 303)


def test_search_hashes_no_file(page: TestClient, web_store: WebStore) -> None:
    """`kprov trace PATH` does; a visitor of the page must not."""
    answer = page.get("/search", params={"q": str(web_store.key)})
    assert answer.status_code == 200
    assert "is called" in answer.text


def test_assets_may_be_kept_for_their_version_only(page: TestClient) -> None:
    (address,) = re.findall(r'href="(/static/app\.css\?v=[0-9a-f]+)"', page.get("/").text)
    assert "immutable" in page.get(address).headers["cache-control"]
    assert page.get("/static/app.css?v=old").headers["cache-control"] == "no-cache"
    assert page.get("/").headers["cache-control"] == "no-store"
