"""The picture of a chain: whole, safe to open, and readable."""

from __future__ import annotations

from html.parser import HTMLParser

from hypothesis import given
from hypothesis import strategies as st

from kfp_provenance.report import lineage_page
from kfp_provenance.report.layout import place
from support.chains import tabular_run


class _Page(HTMLParser):
    """Tags, attributes and texts of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: dict[str, list[str]] = {}
        self.texts: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        for name, value in attrs:
            self.attributes.setdefault(name, []).append(value or "")

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def page_of(title: str = "tabular") -> str:
    chain = tabular_run().chain()
    subjects = [subject.artifact for subject in chain.subjects]
    return lineage_page(title, chain.steps, subjects, signed_by="hint")


def test_page_shows_every_step_and_digest_of_the_chain() -> None:
    text = page_of()
    chain = tabular_run().chain()
    for step in chain.steps:
        assert step.task in text
        for port in (*step.inputs, *step.outputs):
            assert str(port.artifact.digest) in text


def test_page_loads_nothing_and_runs_nothing() -> None:
    page = _Page(page_of())
    assert not {"script", "link", "img", "iframe", "object"} & set(page.tags)
    assert not {"src", "href", "onload", "onclick"} & set(page.attributes)
    assert any("default-src 'none'" in value for value in page.attributes["content"])


def test_names_from_a_pipeline_are_text_and_not_markup() -> None:
    text = page_of("<script>alert(1)</script>")
    assert "script" not in _Page(text).tags
    assert "&lt;script&gt;" in text


def test_an_edge_over_several_columns_passes_between_the_nodes() -> None:
    layout = place(["a", "b", "c"], [("a", "b"), ("b", "c"), ("a", "c")])
    (_, between, _) = layout.edges["a", "c"]
    assert between.column == layout.nodes["b"].column
    assert between != layout.nodes["b"]


@given(st.lists(st.tuples(st.integers(0, 11), st.integers(0, 11)), max_size=30))
def test_edges_go_right_and_nodes_do_not_overlap(pairs: list[tuple[int, int]]) -> None:
    edges = {(f"n{min(pair)}", f"n{max(pair)}") for pair in pairs if pair[0] != pair[1]}
    nodes = [f"n{number}" for number in range(12)]
    layout = place(nodes, sorted(edges))
    assert len(set(layout.nodes.values())) == len(nodes)
    inner = [point for points in layout.edges.values() for point in points[1:-1]]
    assert len({*inner, *layout.nodes.values()}) == len(inner) + len(nodes)
    for points in layout.edges.values():
        columns = [point.column for point in points]
        assert columns == list(range(columns[0], columns[-1] + 1))
