"""One file that opens offline: all inside, nothing allowed but what is inside."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from html.parser import HTMLParser

import pytest
from starlette.testclient import TestClient

from kfp_provenance.web import export
from kfp_provenance.web.export import data_block
from kfp_provenance.web.picture import Box, Picture
from support.web_store import HOSTILE, WebStore

LIMIT = 1_500_000


class Parts(HTMLParser):
    """Texts of script and style elements, and everything that could load."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open = ""
        self.texts: list[tuple[str, str]] = []
        self.loads: list[str] = []
        self.policy = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag in {"script", "style"}:
            self.open = given.get("type") or tag
            self.texts.append((self.open, ""))
        self.loads += [given[n] or "" for n in ("src", "href", "action", "data") if n in given]
        if given.get("http-equiv") == "Content-Security-Policy":
            self.policy = given["content"] or ""

    def handle_data(self, data: str) -> None:
        if self.open:
            self.texts[-1] = (self.open, self.texts[-1][1] + data)

    def handle_endtag(self, tag: str) -> None:
        if tag in {"script", "style"}:
            self.open = ""


@pytest.fixture(params=["good", "forged", "hostile", "raw"])
def exported(request: pytest.FixtureRequest, page: TestClient, web_store: WebStore) -> str:
    answer = page.get(f"/export/{getattr(web_store, request.param)}.html")
    assert answer.status_code == 200
    assert answer.headers["content-disposition"].startswith("attachment;")
    assert "sandbox" in answer.headers["content-security-policy"]
    return answer.text


def test_everything_is_inside_and_nothing_else_is_allowed(exported: str) -> None:
    parts = Parts(exported)
    assert all(load.startswith("#") for load in parts.loads)
    assert len(exported.encode()) < LIMIT
    assert parts.policy.startswith("default-src 'none';")
    assert "unsafe" not in parts.policy
    for kind, text in parts.texts:
        if kind == "application/json":
            json.loads(text)
            continue
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in parts.policy, kind


def test_it_says_what_the_page_says(page: TestClient, web_store: WebStore) -> None:
    text = page.get(f"/export/{web_store.good}.html").text
    assert "PASS" in text
    assert "churn.steps.preprocess" in text
    assert "hmac-sha256:k:0" in text
    assert "0.97" in text
    refused = page.get(f"/export/{web_store.forged}.html").text
    assert "SIGNER_UNTRUSTED" in refused


def test_names_that_are_markup_stay_text(page: TestClient, web_store: WebStore) -> None:
    text = page.get(f"/export/{web_store.hostile}.html").text
    assert HOSTILE not in text
    assert html.escape(HOSTILE, quote=True).replace("&#x27;", "&#39;") in text
    assert "\u202e" not in text


def test_no_name_ends_the_script_element_of_the_data() -> None:
    name = "</script><!--<script>\u2028&"
    picture = Picture((Box("k", "file", name, name),), ())
    block = data_block(picture)
    assert not set("<>&\u2028") & set(block)
    nodes = json.loads(block)["nodes"]
    assert nodes[0]["title"] == name.replace("\u2028", "\\u2028")


def test_an_asset_that_would_end_its_element_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export, "asset_text", lambda _name: "x = '</script>'")
    with pytest.raises(ValueError, match="asset"):
        export.inline()


def test_the_file_is_called_by_its_digest(page: TestClient, web_store: WebStore) -> None:
    name = page.get(f"/export/{web_store.good}.html").headers["content-disposition"]
    assert re.search(r'filename="sha256-[0-9a-f]{64}\.html"', name)
