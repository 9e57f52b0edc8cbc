"""Under which names the models of an impact were published, on small stories."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from kfp_provenance.facts import Digest, Output, Step
from kfp_provenance.lineage import publications
from kfp_provenance.lineage.queries import impact
from kfp_provenance.lineage.views import Impact, PublishedName
from kfp_provenance.metadata.graph import Selection
from support.lineage_stories import Story, content, of, rows
from support.steps import artifact, digest

POINTER = "gs://models/churn.json"
OTHER = "gs://models/fraud.json"


def impact_of(story: Story, folder: Path, until: datetime | None = None) -> Impact:
    with story.told(folder) as index:
        return impact(index, rows(index, "raw"), selection=Selection(until=until))


def trained(story: Story, run: str, raw: str = "raw") -> tuple[Step, str]:
    return story.step(run, "train", [content(raw)], "model"), "model"


def said(found: Impact) -> list[tuple[str, str, bool]]:
    return [(name.pointer, name.run, name.current) for name in found.published]


def test_a_published_model(tmp_path: Path) -> None:
    story = Story()
    model = trained(story, "a")
    step = story.publish("a", model, POINTER)
    found = impact_of(story, tmp_path)
    assert found.published == (
        PublishedName(
            pointer=POINTER,
            name="churn",
            model=Digest.parse(of(*model)),
            model_uri=f"{POINTER}/../m",
            run="a",
            published=step.finished,
            current=True,
        ),
    )
    assert found.more_published == 0


def test_a_pointer_that_was_moved_to_a_model_of_other_data(tmp_path: Path) -> None:
    story = Story()
    story.publish("a", trained(story, "a"), POINTER)
    story.publish("b", trained(story, "b"), OTHER)
    story.publish("x", trained(story, "x", raw="other"), POINTER)
    assert said(impact_of(story, tmp_path)) == [(OTHER, "b", True), (POINTER, "a", False)]


def test_a_pointer_that_was_moved_there_and_back(tmp_path: Path) -> None:
    story = Story()
    model = trained(story, "a")
    story.publish("a", model, POINTER)
    story.publish("x", trained(story, "x", raw="other"), POINTER)
    story.publish("c", model, POINTER)
    assert said(impact_of(story, tmp_path)) == [(POINTER, "c", True)]


def test_the_newest_of_several_publications_under_one_name(tmp_path: Path) -> None:
    story = Story()
    for run in "abc":
        story.publish(run, trained(story, run), POINTER)
    assert said(impact_of(story, tmp_path)) == [(POINTER, "c", True)]


def test_published_again_by_a_run_that_is_not_selected(tmp_path: Path) -> None:
    """The pointer still leads to the model of the selected run."""
    story = Story()
    model = trained(story, "a")
    first = story.publish("a", model, POINTER)
    story.publish("b", model, POINTER)
    found = impact_of(story, tmp_path, until=first.finished + timedelta(seconds=1))
    assert said(found) == [(POINTER, "a", True)]


def test_a_failed_publication_published_nothing(tmp_path: Path) -> None:
    story = Story()
    model = trained(story, "a")
    story.publish("a", model, OTHER)
    story.publish("a", model, POINTER, failed=True)
    story.publish("x", trained(story, "x", raw="other"), OTHER, failed=True)
    found = impact_of(story, tmp_path)
    assert said(found) == [(OTHER, "a", True)]
    assert found.steps == 3


@pytest.mark.parametrize(
    "receipt",
    [
        {"model": "gs://m"},
        {"pointer": ""},
        {"pointer": 7},
        {"pointer": ["gs://m"]},
        [{"pointer": "gs://m"}],
        "gs://m",
        "[" * 60_000,
    ],
    ids=lambda receipt: str(receipt)[:20],
)
def test_a_receipt_that_names_no_pointer(tmp_path: Path, receipt: object) -> None:
    story = Story()
    model = trained(story, "a")
    story.publish("a", model, "", receipt=receipt)
    story.publish("b", model, POINTER)
    assert said(impact_of(story, tmp_path)) == [(POINTER, "b", True)]


def test_a_receipt_may_say_the_digest_of_the_model(tmp_path: Path) -> None:
    story = Story()
    receipt = {"pointer": POINTER, "digest": str(digest("packed model"))}
    story.publish("a", trained(story, "a"), "", receipt=receipt)
    (published,) = impact_of(story, tmp_path).published
    assert (published.model, published.name, published.model_uri) == (
        digest("packed model"),
        "",
        "",
    )


def test_a_cut_is_said_and_does_not_change_what_is_current(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publications, "LIMIT", 3)
    story = Story()
    model = trained(story, "a")
    for number in range(5):
        story.publish("a", model, f"{POINTER}/{number}")
    other = trained(story, "x", raw="other")
    story.publish("x", other, f"{POINTER}/2")
    for number in range(4):  # more than are read of the own ones
        story.publish("x", other, f"{OTHER}/{number}")
    found = impact_of(story, tmp_path)
    assert said(found) == [
        (f"{POINTER}/4", "a", True), (f"{POINTER}/3", "a", True), (f"{POINTER}/2", "a", False),
    ]  # fmt: skip
    assert found.more_published == 2


def test_publications_of_others_that_are_too_many_to_look_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"LIMIT": 1, "_OTHERS": 5, "_PART": 2}.items():
        monkeypatch.setattr(publications, name, value)
    story = Story()
    story.publish("a", trained(story, "a"), POINTER)
    other = trained(story, "x", raw="other")
    for number in range(9):
        story.publish("x", other, f"{OTHER}/{number}")
    assert impact_of(story, tmp_path).more_published == 3
    story.publish("x", other, POINTER)  # among those that are looked at
    (tmp_path / "again").mkdir()
    found = impact_of(story, tmp_path / "again")
    assert (said(found), found.more_published) == ([(POINTER, "a", False)], 0)


def test_another_component_with_such_a_receipt_did_not_publish(tmp_path: Path) -> None:
    story = Story()
    receipt = artifact("receipt", metadata=f'{{"pointer":"{POINTER}"}}')
    story.step("a", "train", [content("raw")], outputs=(Output("receipt", 0, receipt),))
    assert impact_of(story, tmp_path).published == ()
