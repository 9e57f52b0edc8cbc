"""A comparison in words and as a page: short, whole where it must be, safe to open."""

from __future__ import annotations

import json
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from kfp_provenance.analysis.diffing import likelihood
from kfp_provenance.analysis.diffing.as_json import diff_to_json
from kfp_provenance.analysis.diffing.likelihood import FIXED
from kfp_provenance.analysis.diffing.model import CauseKind, LineageDiff
from kfp_provenance.analysis.diffing.text import render_text, verdict, way
from kfp_provenance.report.diff_page import diff_page
from support.compared_runs import noisy_runs

VOID = {"meta", "link", "br", "img", "input", "hr"}


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> LineageDiff:
    store = noisy_runs(tmp_path_factory.mktemp("runs"))
    return store.diff("run-one/train/model", "run-two/train/model")


class Page(HTMLParser):
    """Tags and texts of a page whose tags are all closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.open: list[str] = []
        self.attributes: dict[str, list[str]] = {}
        self.text = ""
        self.feed(text)
        assert not self.open, self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag not in VOID:
            self.open.append(tag)
        for name, value in attrs:
            self.attributes.setdefault(name, []).append(value or "")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_verdict_and_the_likeliest_cause_come_first(found: LineageDiff) -> None:
    lines = render_text(found).splitlines()
    assert verdict(found) == "DIFFERENT  train/model"
    (first,) = [line for line in lines if line.startswith("  1. ")]
    assert first.startswith("  1. label noise: 100 of 1,000 labels in 'label' differ")
    order = [lines.index(heading) for heading in (
        "Where the chains part first", "Causes, the likeliest first", "What follows from that",
        "Metrics",
    )]  # fmt: skip
    assert order == sorted(order)
    assert "      ingest > train > train/model" in lines
    assert any(line.split() == ["evaluate", "metrics.accuracy", "0.93", "0.83", "-0.1"]
               for line in lines)  # fmt: skip
    assert all(len(line) <= 100 or " " not in line.strip() for line in lines)


def test_equal_artifacts_need_few_words(found: LineageDiff) -> None:
    (subject,) = found.subjects
    equal = LineageDiff("a", "b", (replace(subject, after=subject.before),))
    assert verdict(equal) == "EQUAL  train/model"
    assert render_text(equal) == ""


def test_what_is_left_out_is_counted(found: LineageDiff) -> None:
    many = replace(
        found, causes=found.causes * 20, more_causes=5, consequences=found.consequences * 20,
        divergences=tuple(replace(d, ways=d.ways * 9, more_ways=4) for d in found.divergences),
        notes=tuple(f"note {number}" for number in range(30)),
    )  # fmt: skip
    text = render_text(many)
    assert f"  {len(many.causes) - 10 + 5} more, see --json" in text
    assert "      10 more ways" in text
    assert "  20 more, see --json" in text
    assert text.count("likelihood") == 10


def test_the_middle_of_a_long_way_is_left_out() -> None:
    tasks = [f"step{number}" for number in range(2000)]
    assert way(tasks) == (
        "step0 > step1 > step2 > step3 > ... 1993 more ... > step1997 > step1998 > step1999"
    )
    assert way(tasks[:8]) == " > ".join(tasks[:8])


def test_json_holds_everything_by_name(found: LineageDiff) -> None:
    shown = json.loads(json.dumps(diff_to_json(found)))
    assert shown["equal"] is False
    cause = shown["causes"][0]
    assert (cause["kind"], cause["evidence"]["flipped"]) == ("label", 100)
    assert cause["why"]
    assert shown["metrics"][0]["difference"] == pytest.approx(-0.1)
    assert shown["data"][0]["tables"]["rows"]["before"] == 1000
    assert shown["divergences"][0]["ways"] == [["ingest", "train", "train/model"]]
    assert "not a proof" in shown["order"]


def test_the_page_loads_nothing_and_runs_nothing(found: LineageDiff) -> None:
    page = Page(diff_page(found))
    assert not {"script", "link", "img", "iframe", "object", "style src"} & set(page.tags)
    assert not {"src", "href", "onload", "onclick"} & set(page.attributes)
    assert any("default-src 'none'" in value for value in page.attributes["content"])
    assert page.attributes["lang"] == ["en"]
    assert page.tags.count("h1") == page.tags.count("main") == 1
    assert page.tags.count("table") > 3
    for heading in ("Where the chains part first", "Causes, the likeliest first", "Tables"):
        assert heading in page.text
    assert "100 of 1,000 labels" in page.text


def test_texts_of_others_are_text_and_not_markup(found: LineageDiff) -> None:
    evil = "<script>alert(1)</script>"
    page = diff_page(replace(found, before=evil, notes=(evil,)))
    assert "script" not in Page(page).tags
    assert page.count("&lt;script&gt;") == 2


def test_the_documented_scores_are_those_that_count() -> None:
    """The table in the docstring says for each cause the score that the code gives it."""
    rows = [line.split("|")[1:3] for line in (likelihood.__doc__ or "").splitlines()
            if line.startswith("| ")]  # fmt: skip
    documented: dict[str, list[float]] = {}
    name = ""
    for kind, score in rows[1:]:
        name = kind.strip() or name
        for one in name.split(", "):
            documented.setdefault(one, []).append(float(score))
    assert documented.keys() == {str(kind) for kind in CauseKind}
    for kind, likely in FIXED.items():
        assert documented[str(kind)] == [likely.score]
    banded = {
        "label": [likelihood.of_label(share, None) for share in (0.05, 0.01, 0.001, 0.0001)],
        "schema": [
            likelihood.of_schema(columns=True, numbers=False),
            likelihood.of_schema(columns=False, numbers=True),
            likelihood.of_schema(columns=False, numbers=False),
        ],
        "drift": [likelihood.of_drift(psi) for psi in (0.25, 0.1)],
        "nulls": [likelihood.of_nulls(change) for change in (0.05, 0.01, 0.001)],
        "rows": [likelihood.of_rows(share) for share in (0.1, 0.01, 0.001)],
        "cells": [likelihood.of_cells(share) for share in (0.1, 0.01, 0.001)],
        "range": [likelihood.of_range()],
        "parameter": [likelihood.of_parameter(at_subject=there) for there in (True, False)],
        "image": [likelihood.of_image(environment_differs=there) for there in (True, False)],
    }
    for kind, likelihoods in banded.items():
        assert documented[kind] == [likely.score for likely in likelihoods]
    assert documented["label"][0] == likelihood.of_label(None, 0.25).score
    assert documented["label"][1] == likelihood.of_label(None, 0.1).score


def test_a_page_file_is_one_file(found: LineageDiff, tmp_path: Path) -> None:
    (tmp_path / "diff.html").write_text(diff_page(found), encoding="utf-8")
    assert (tmp_path / "diff.html").stat().st_size < 100_000
