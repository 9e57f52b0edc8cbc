"""Jinja templates: every text is escaped, and what cannot be seen is made visible."""

from __future__ import annotations

from collections.abc import Callable
from importlib.resources import files

import jinja2

from kfp_provenance.facts import Digest
from kfp_provenance.web import figures, links
from kfp_provenance.web.assets import asset_link, has_pictures
from kfp_provenance.web.drawing import outline
from kfp_provenance.web.picture import LEGEND


def environment() -> jinja2.Environment:
    """The templates of the page.

    A text of the store may hold control characters or turn the direction of writing, and
    so look like another text: these are shown as escapes.
    """
    made = jinja2.Environment(
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        loader=jinja2.FunctionLoader(_source),
        finalize=_visible,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    filters: dict[str, Callable[..., object]] = {
        "time": figures.show_time,
        "size": figures.show_size,
        "duration": figures.show_duration,
        "number": figures.show_number,
        "tail": figures.uri_tail,
    }
    made.filters.update(filters)
    made.globals.update(
        asset=asset_link,
        has_pictures=has_pictures,
        run_link=links.run_link,
        step_link=links.step_link,
        artifact_link=links.artifact_link,
        diff_link=links.diff_link,
        query_link=links.query_link,
        outside_link=links.outside_link,
        outline=outline,
        kinds=LEGEND,
        is_digest=lambda text: is_digest(str(text)),
    )
    return made


def is_digest(text: str) -> bool:
    """Whether a text is ``sha256:<64 hex digits>``."""
    name, _, value = text.partition(":")
    return name == "sha256" and len(value) == len(Digest("0" * 64).hex) and value.isalnum()


def _source(name: str) -> str | None:
    place = files("kfp_provenance.web").joinpath("templates", name)
    return place.read_text(encoding="utf-8") if place.is_file() else None


def _visible(value: object) -> object:
    """What a template is about to write."""
    return figures.visible(value) if isinstance(value, str) else value
