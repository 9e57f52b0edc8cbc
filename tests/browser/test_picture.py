"""The lineage as a picture: moved, zoomed, clicked, searched, unfolded; by hand and by keyboard."""

from __future__ import annotations

from typing import Any

import pytest

from browser.conftest import OpenTab
from support.web_store import WebStore

pytestmark = pytest.mark.interop


def view(tab: Any, expression: str) -> Any:
    """Of the picture on the page: ``cy``, ``node`` and so on."""
    return tab.evaluate(f"(() => {{ const view = document.querySelector('.lineage').view; "
                        f"return {expression}; }})()")  # fmt: skip


def place(tab: Any, key: str) -> tuple[float, float]:
    """Where a box is on the screen."""
    point = view(tab, f"view.cy.getElementById('{key}').renderedPosition()")
    box = tab.locator(".canvas").bounding_box()
    return box["x"] + point["x"], box["y"] + point["y"]


@pytest.fixture
def tab(open_tab: OpenTab, web_store: WebStore) -> Any:
    opened = open_tab(f"/models/{web_store.good}", reduced_motion="reduce")
    opened.wait_for_function("() => document.querySelector('.lineage').view")
    opened.locator(".lineage").scroll_into_view_if_needed()
    return opened


def test_layers_go_from_left_to_right_and_boxes_do_not_overlap(tab: Any) -> None:
    edges = view(
        tab, "view.cy.edges().map(e => [e.source().position('x'), e.target().position('x')])"
    )
    assert edges
    assert all(source < target for source, target in edges)
    places = view(tab, "view.cy.nodes().map(n => n.boundingBox({includeLabels: false}))")
    for n, one in enumerate(places):
        for other in places[n + 1 :]:
            apart = one["x2"] <= other["x1"] or other["x2"] <= one["x1"]
            assert apart or one["y2"] <= other["y1"] or other["y2"] <= one["y1"]


def test_all_of_a_usual_chain_is_seen_at_once(tab: Any) -> None:
    inside = view(tab, "view.cy.nodes().every(n => { const b = n.renderedBoundingBox(); "
                       "return b.x1 >= 0 && b.x2 <= view.cy.width() && b.y1 >= 0 "
                       "&& b.y2 <= view.cy.height(); })")  # fmt: skip
    assert inside


def test_a_click_shows_details_with_links(tab: Any, web_store: WebStore) -> None:
    tab.mouse.click(*place(tab, web_store.good))
    assert tab.locator(".details h3").inner_text() == "model"
    assert web_store.good in tab.locator(".details").inner_text()
    assert "model, model," in tab.locator("#said").inner_text()
    assert view(tab, "view.cy.edges('.named').length") == 1
    tab.locator(".details .close").click()
    assert tab.locator(".details").is_hidden()


def test_the_picture_is_moved_and_zoomed_and_fits_again(tab: Any) -> None:
    before = view(tab, "view.cy.pan()")
    box = tab.locator(".canvas").bounding_box()
    tab.mouse.move(box["x"] + 20, box["y"] + box["height"] - 15)
    tab.mouse.down()
    tab.mouse.move(box["x"] + 120, box["y"] + box["height"] - 60, steps=5)
    tab.mouse.up()
    assert view(tab, "view.cy.pan()") != before
    zoom = view(tab, "view.cy.zoom()")
    tab.get_by_role("button", name="Zoom in").click()
    assert view(tab, "view.cy.zoom()") > zoom
    tab.get_by_role("button", name="Fit").click()
    assert view(tab, "view.cy.zoom()") == pytest.approx(zoom, rel=0.05)


def test_the_wheel_scrolls_the_page_until_the_picture_is_used(tab: Any) -> None:
    box = tab.locator(".canvas").bounding_box()
    zoom, scrolled = view(tab, "view.cy.zoom()"), tab.evaluate("scrollY")
    tab.mouse.move(box["x"] + 10, box["y"] + 10)
    tab.mouse.wheel(0, 200)
    tab.wait_for_function(f"() => scrollY > {scrolled}")
    assert view(tab, "view.cy.zoom()") == zoom
    tab.focus(".canvas")
    # for a moment after the page was scrolled, the wheel goes on scrolling it
    tab.wait_for_function(
        "() => !document.querySelector('.lineage').view.cy.renderer().scrollingPage"
    )
    tab.mouse.wheel(0, -100)
    tab.wait_for_function(f"() => document.querySelector('.lineage').view.cy.zoom() !== {zoom}")


def test_the_keyboard_goes_along_the_arrows(tab: Any) -> None:
    tab.focus(".canvas")
    names = []
    for key in ("Home", "ArrowLeft", "ArrowLeft", "ArrowLeft", "ArrowRight"):
        tab.keyboard.press(key)
        names.append(view(tab, "view.node.data('title')"))
    assert names == ["model", "train", "train_set", "preprocess", "train_set"]
    assert "train_set, data set" in tab.locator("#said").inner_text()
    tab.keyboard.press("ArrowDown")
    assert "Nothing further down" in tab.locator("#said").inner_text()
    tab.keyboard.press("Escape")
    assert view(tab, "view.node") is None


def test_the_keyboard_goes_up_and_down_in_a_layer(open_tab: OpenTab) -> None:
    tab = open_tab("/runs/run-wide", reduced_motion="reduce")
    tab.wait_for_function("() => document.querySelector('.lineage').view")
    tab.focus(".canvas")
    tab.keyboard.press("Home")
    tab.keyboard.press("ArrowRight")
    first = view(tab, "[view.node.position('x'), view.node.position('y')]")
    tab.keyboard.press("ArrowDown")
    second = view(tab, "[view.node.position('x'), view.node.position('y')]")
    assert first[0] == second[0]
    assert first[1] < second[1]


def test_the_chosen_box_is_always_in_sight(open_tab: OpenTab) -> None:
    tab = open_tab("/runs/run-good", width=700, reduced_motion="reduce")
    tab.wait_for_function("() => document.querySelector('.lineage').view")
    tab.focus(".canvas")
    tab.keyboard.press("Home")
    for _ in range(8):
        tab.keyboard.press("ArrowRight")
        box = view(
            tab, "view.node.renderedBoundingBox({includeLabels: false, includeEdges: false})"
        )
        assert box["x1"] >= 0
        assert box["x2"] <= view(tab, "view.cy.width()")


def test_enter_opens_what_is_chosen(tab: Any) -> None:
    tab.focus(".canvas")
    tab.keyboard.press("Home")
    tab.keyboard.press("ArrowLeft")
    with tab.expect_navigation():
        tab.keyboard.press("Enter")
    assert "/steps/" in tab.url


def test_search_marks_what_it_finds_and_goes_there(tab: Any) -> None:
    tab.focus(".canvas")
    tab.keyboard.press("/")
    tab.keyboard.type("train")
    assert tab.locator(".find output").inner_text().startswith("2 found")
    assert view(tab, "view.cy.nodes('.found').map(n => n.data('title')).sort()") == [
        "train", "train_set",
    ]  # fmt: skip
    tab.keyboard.press("Enter")
    assert view(tab, "view.node.hasClass('found')")
    tab.keyboard.press("Escape")
    assert view(tab, "view.cy.nodes('.found').length") == 0


def test_going_on_from_a_box_adds_to_picture_and_list(tab: Any) -> None:
    tab.focus(".canvas")
    tab.keyboard.press("Home")
    before = view(tab, "view.cy.nodes().length")
    tab.get_by_role("button", name="Made of it").click()
    tab.wait_for_function(
        "() => document.querySelector('.find output').textContent.includes('added')"
    )
    assert view(tab, "view.cy.nodes().length") > before
    tab.locator(".same summary").click()
    rows = tab.locator(".same tbody tr")
    assert rows.count() == view(tab, "view.cy.nodes('[kind = \"step\"]').length")
    assert tab.locator(".same a", has_text="evaluate").is_visible()
    edges = view(
        tab, "view.cy.edges().map(e => e.source().position('x') < e.target().position('x'))"
    )
    assert all(edges)


def test_the_picture_takes_the_colours_of_the_page(tab: Any) -> None:
    light = view(tab, "view.cy.nodes()[0].style('color')")
    tab.emulate_media(color_scheme="dark")
    tab.wait_for_function(
        "before => document.querySelector('.lineage').view.cy.nodes()[0].style('color') !== before",
        arg=light,
    )


def test_a_failed_step_and_what_is_from_outside_have_other_lines(open_tab: OpenTab) -> None:
    tab = open_tab("/runs/run-failed")
    tab.wait_for_function("() => document.querySelector('.lineage').view")
    styles = view(tab, "view.cy.nodes().map(n => n.style('border-style'))")
    assert "double" in styles
    shapes = view(
        tab, "new Set(view.cy.nodes().map(n => n.style('shape') + n.style('corner-radius'))).size"
    )
    assert shapes > 1
