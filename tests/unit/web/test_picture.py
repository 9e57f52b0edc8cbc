"""What is drawn: within limits, whole, and the same as the list."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from kfp_provenance.lineage.views import ArtifactNode, Graph, Link
from kfp_provenance.metadata.graph import StepRow
from kfp_provenance.web.drawing import HEIGHT, WIDTH, draw, outline, to_json
from kfp_provenance.web.picture import LEGEND, Picture, picture_of
from kfp_provenance.web.settings import Limits

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def step(number: int, outcome: str = "SUCCEEDED") -> StepRow:
    return StepRow(
        number, f"id-{number}", "run", f"task-{number}", "p", "", "a.b", outcome, NOW, NOW
    )


def node(key: str, kind: str = "system.Dataset") -> ArtifactNode:
    return ArtifactNode(key, None, key, kind, 1, ("gs://b/x",), NOW, (1,))


def graph(pairs: list[tuple[int, int, bool]], starts: tuple[str, ...] = ()) -> Graph:
    """Of (step, artifact, output)."""
    links = [Link(f"step:{s}", f"a{a}", o, "name", 0) for s, a, o in dict.fromkeys(pairs)]
    steps = sorted({s for s, _, _ in pairs})
    keys = sorted({link.artifact for link in links} | set(starts))
    return Graph(starts, tuple(map(node, keys)), tuple(map(step, steps)), tuple(links))


graphs = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 30), st.booleans()), max_size=60)


@given(graphs, st.integers(2, 40), st.integers(2, 6), st.booleans())
def test_a_picture_is_within_its_limits_and_whole(
    pairs: list[tuple[int, int, bool]], nodes: int, fan: int, newest: bool
) -> None:
    whole = graph(pairs)
    found = picture_of(whole, Limits(nodes=nodes, fan=fan), newest=newest)
    keys = {box.key for box in found.boxes}
    assert len(keys) == len(found.boxes)
    assert all(arrow.source in keys and arrow.target in keys for arrow in found.arrows)
    assert found.more_steps == len(whole.steps) - found.steps
    if found.steps > 1:
        assert len(keys) <= nodes + 2 * found.steps  # and a "more" on either side of a step
    for line in found.lines():
        for _, box in (*line.reads, *line.writes):
            assert box.key in keys


@given(graphs)
def test_everything_that_is_drawn_has_a_place_of_its_own(
    pairs: list[tuple[int, int, bool]],
) -> None:
    found = picture_of(graph(pairs), Limits())
    drawing = draw(found)
    assert drawing is not None
    assert {shape.box.key for shape in drawing.shapes} == {box.key for box in found.boxes}
    places = {(shape.x, shape.y) for shape in drawing.shapes}
    assert len(places) == len(drawing.shapes)
    for shape in drawing.shapes:
        assert 0 <= shape.x <= drawing.width - WIDTH
        assert 0 <= shape.y <= drawing.height - HEIGHT


def test_what_would_take_seconds_to_lay_out_is_not_drawn() -> None:
    """A long chain whose every step also reads the first artifact."""
    chain = [(n, n + 1, True) for n in range(140)] + [(n, n, False) for n in range(1, 140)]
    assert draw(picture_of(graph(chain), Limits())) is not None
    assert draw(picture_of(graph([*chain, *((n, 0, False) for n in range(140))]), Limits())) is None


def test_the_end_of_interest_is_kept() -> None:
    chain = graph([(n, n, False) for n in range(9)] + [(n, n + 1, True) for n in range(9)], ("a9",))
    last = picture_of(chain, Limits(nodes=6))
    assert [box.title for box in last.boxes if box.kind == "step"] == ["task-7", "task-8"]
    assert last.more_steps == 7
    first = picture_of(chain, Limits(nodes=6), newest=False)
    assert "task-0" in {box.title for box in first.boxes}


def test_models_are_the_last_to_become_n_more() -> None:
    links = tuple(Link("step:1", f"a{n}", True, f"out_{n}", 0) for n in range(20))
    nodes = [node(f"a{n}", "system.Model" if n == 19 else "system.Dataset") for n in range(20)]
    found = picture_of(Graph((), tuple(nodes), (step(1),), links), Limits(fan=4))
    kinds = [box.kind for box in found.boxes]
    assert kinds.count("model") == 1
    assert [box.title for box in found.boxes if box.kind == "more"] == ["17 more"]


def test_what_was_asked_about_is_there_without_any_step() -> None:
    found = picture_of(graph([], ("a1",)), Limits())
    (box,) = found.boxes
    assert (box.key, box.start, box.source) == ("a1", True, True)
    assert found.lines() == []


def test_names_of_the_same_arrow_are_one_label() -> None:
    links = (Link("step:1", "a1", False, "x", 0), Link("step:1", "a1", False, "x", 1),
             Link("step:1", "a1", False, "y", 0))  # fmt: skip
    found = picture_of(Graph((), (node("a1"),), (step(1),), links), Limits())
    assert [arrow.label for arrow in found.arrows] == ["x[0], x[1], y"]


def test_a_failed_step_says_so_without_colour() -> None:
    found = picture_of(Graph((), (), (step(1, "FAILED"),), ()), Limits())
    assert found.boxes[0].failed
    assert "failed" in found.boxes[0].detail


def test_a_file_that_opens_offline_has_no_links() -> None:
    picture: Picture = picture_of(graph([(1, 1, True)]), Limits())
    assert "/steps/1" in str(to_json(picture))
    assert "/steps/1" not in str(to_json(picture, links=False))


def test_each_kind_has_a_shape_of_its_own() -> None:
    assert len({outline(kind) for kind in LEGEND}) == len(LEGEND)
