"""What each page says, and where it leads."""

from __future__ import annotations

import re

import pytest
from starlette.testclient import TestClient

from support.web_store import WebStore

RUNS = ["run-wide", "run-failed", "run-unsigned", "run-forged", "run-good"]


def test_runs_are_listed_newest_first(page: TestClient) -> None:
    text = page.get("/").text
    places = [text.index(f'href="/runs/{run}"') for run in RUNS]
    assert places == sorted(places)
    assert "1 failed" in text


@pytest.mark.parametrize("start", ["/", "/?since=2026-03-01", "/?until=2026-03-02"])
def test_a_list_goes_on_where_the_page_before_ended(open_page, start: str) -> None:
    from kfp_provenance.web.settings import Limits

    client, seen, address = open_page(limits=Limits(page=2)), [], start
    while address:
        text = client.get(address).text
        seen += re.findall(r'<th scope="row"><a href="(/runs/[^"]*)"', text)
        older = re.search(r'href="([^"]*before=[^"]*)" rel="next"', text)
        address = older[1].replace("&amp;", "&") if older else ""
    assert len(seen) == len(set(seen)) == 6


@pytest.mark.parametrize(
    ("query", "there"),
    [
        ("pipeline=tabular-training", True),
        ("pipeline=another", False),
        ("namespace=team-a", True),
        ("namespace=team-b", False),
        ("since=2026-03-01&until=2026-03-01", True),
        ("since=2026-03-02", False),
        ("pipeline=&namespace=&since=&until=", True),
    ],
)
def test_runs_are_narrowed(page: TestClient, query: str, there: bool) -> None:
    for address in ("/", "/models"):
        answer = page.get(f"{address}?{query}")
        assert answer.status_code == 200
        assert ("run-good" in answer.text) is there
    assert there or "No model fits" in answer.text


def test_a_run_shows_its_steps_its_model_and_the_verdict(
    page: TestClient, web_store: WebStore
) -> None:
    text = page.get("/runs/run-good").text
    for task in ("ingest", "preprocess", "train", "evaluate", "sign"):
        assert f">{task}</a>" in text
    assert f"/models/{web_store.good}" in text
    assert 'class="verdict good"' in text


def test_a_run_with_a_slash_in_its_id_has_a_page(page: TestClient) -> None:
    (address,) = re.findall(r'href="(/runs/run%2F[^"]*)"', page.get("/").text)
    assert page.get(address).status_code == 200


@pytest.mark.parametrize("folder", ["artifacts", "models"])
def test_a_digest_is_a_deep_link(page: TestClient, web_store: WebStore, folder: str) -> None:
    text = page.get(f"/{folder}/{web_store.good}").text
    assert web_store.good in text
    assert "0.97" in text  # a metric that another step measured
    assert "scikit-learn" in text  # what its task wrote into its metadata
    assert 'href="/runs/run-good"' in text
    assert '<svg class="drawn"' in text  # the picture without scripts
    assert "The same as a list (3 steps)" in text


def test_what_came_from_outside_says_so(page: TestClient, web_store: WebStore) -> None:
    text = page.get(f"/artifacts/{web_store.raw}").text
    assert "Nobody on record made it" in text
    assert "<h1>flights.csv</h1>" in text
    assert 'rel="noreferrer noopener nofollow">https://data.example/flights.csv' in text


def test_what_was_made_of_it_is_counted_apart(page: TestClient, web_store: WebStore) -> None:
    part = page.get(f"/uses/{web_store.raw}").text
    assert "<html" not in part
    assert re.search(r"<dt>models made</dt><dd>4</dd>", part)
    whole = page.get(f"/artifacts/{web_store.raw}?uses=1&show=down").text
    assert re.search(r"<dt>models made</dt><dd>4</dd>", whole)
    assert "run-unsigned" in whole


def test_a_step_shows_what_ran_and_hides_secrets(page: TestClient) -> None:
    listed = page.get("/runs/run-good").text
    step = re.search(r'href="(/steps/\d+)">preprocess', listed)
    assert step is not None
    text = page.get(step[1]).text
    assert "churn.steps.preprocess" in text
    assert "secret, known only by" in text
    assert "a==1" in text  # a package of its environment


def test_a_failed_step_says_why(page: TestClient) -> None:
    step = re.search(r'href="(/steps/\d+)">train', page.get("/runs/run-failed").text)
    assert step is not None
    assert "<strong>ValueError</strong>" in page.get(step[1]).text


def test_a_step_that_wrote_much_is_drawn_with_n_more(page: TestClient) -> None:
    picture = page.get("/graph.json?run=run-wide").json()
    (more,) = [node for node in picture["nodes"] if node["kind"] == "more"]
    drawn = sum(node["kind"] == "dataset" for node in picture["nodes"])
    assert more["title"] == f"{30 - drawn} more"
    assert drawn < 15


def test_a_long_run_is_cut_and_says_by_how_much(open_page) -> None:
    from kfp_provenance.web.settings import Limits

    client = open_page(limits=Limits(steps=3))
    assert client.get("/graph.json?run=run-good").json()["moreSteps"] == 2
    assert "<strong>2 more steps</strong>" in client.get("/runs/run-good").text


@pytest.mark.parametrize("whole", [True, False])
def test_search_goes_to_the_one_thing_it_finds(
    page: TestClient, web_store: WebStore, whole: bool
) -> None:
    text = web_store.good if whole else web_store.good[7:19].upper()
    answer = page.get("/search", params={"q": f" {text} "})
    assert answer.status_code == 303
    assert answer.headers["location"] == f"/models/{web_store.good}"


def test_search_finds_runs_and_places(page: TestClient, web_store: WebStore) -> None:
    run = page.get("/search", params={"q": "run-good"})
    assert run.headers["location"] == "/runs/run-good"
    place = page.get("/search", params={"q": "https://data.example/flights.csv"})
    assert place.headers["location"] == f"/artifacts/{web_store.raw}"


def test_search_says_when_there_is_nothing(page: TestClient) -> None:
    assert "is called <code>nothing</code>" in page.get("/search?q=nothing").text


def test_two_runs_are_compared(page: TestClient, web_store: WebStore) -> None:
    text = page.get("/diff?before=run-good&after=run-unsigned").text
    assert "0.5 became 0.125" in text
    assert "+0.02" in text  # accuracy
    equal = page.get("/diff", params={"before": web_store.good, "after": web_store.good[:20]}).text
    assert "judgement good" in equal


def test_a_model_to_compare_with_is_offered(page: TestClient, web_store: WebStore) -> None:
    text = page.get("/diff", params={"after": web_store.good}).text
    assert f"before={web_store.unsigned.replace(':', '%3A')}&amp;after=" in text


@pytest.mark.parametrize(
    "address",
    ["/artifacts/sha256:00", "/artifacts/x", "/runs/none", "/steps/99999", "/steps/x",
     "/graph.json?of=sha256:1", "/export/x", "/uses/artifact:0", "/nowhere",
     f"/models/sha256:{'0' * 64}", "/diff?before=run-good&after=/etc/passwd"],
)  # fmt: skip
def test_what_is_not_there_is_said_with_a_remedy(page: TestClient, address: str) -> None:
    answer = page.get(address)
    assert answer.status_code == 404
    assert "Remedy" in answer.text
    assert "passwd" not in answer.text or "one artifact or run" in answer.text


@pytest.mark.parametrize(
    "query", ["since=yesterday", "before=-1", "before=x", "pipeline=" + "p" * 501]
)
def test_an_address_that_cannot_be_read_is_refused(page: TestClient, query: str) -> None:
    answer = page.get(f"/?{query}")
    assert answer.status_code == 400
    assert query.partition("=")[0] in answer.text


def test_the_page_is_alive(page: TestClient) -> None:
    assert page.get("/healthz").text == "ok\n"


def test_a_store_that_cannot_be_read_is_said(open_page, web_store: WebStore, tmp_path) -> None:
    from dataclasses import replace

    client = open_page(replace(web_store, uri=f"sqlite:{tmp_path / 'gone.db'}"))
    answer = client.get("/")
    assert answer.status_code == 503
    assert "STORE_UNREACHABLE" in answer.text
