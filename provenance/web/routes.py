"""The pages, each by its address."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from kfp_provenance.web.answers import html
from kfp_provenance.web.asked import (
    ArtifactAsked,
    DiffAsked,
    ListAsked,
    SearchAsked,
    StepsAsked,
)
from kfp_provenance.web.contents import artifact_page
from kfp_provenance.web.diffs import diff_page
from kfp_provenance.web.drawing import draw
from kfp_provenance.web.graphs import Subject
from kfp_provenance.web.links import artifact_link, is_model, query_link
from kfp_provenance.web.listings import list_models, list_runs
from kfp_provenance.web.references import content_of, step_row_of
from kfp_provenance.web.runs import run_page
from kfp_provenance.web.search import search
from kfp_provenance.web.site import Site
from kfp_provenance.web.steps import step_page

_SEE_OTHER = 303


def page_routes(site: Site) -> APIRouter:
    """Every page for people."""
    router = APIRouter(default_response_class=HTMLResponse)
    limits = site.settings.limits

    @router.get("/")
    def runs(asked: Annotated[ListAsked, Query()]) -> Response:
        with site.index() as index:
            found = list_runs(index, asked.selection(), asked.before, limits.page)
            choices = site.choices(index)
        return html(site, "runs.html.j2", asked=asked, found=found, choices=choices)

    @router.get("/runs/{run:path}")
    def run(run: str, asked: Annotated[StepsAsked, Query()]) -> Response:
        with site.index() as index:
            page = run_page(index, run, site.judge, limits, start=asked.start)
            subject = Subject(run, None)
            picture = site.picture(index, subject)
        source = query_link("/graph.json", run=run)
        return html(
            site, "run.html.j2", page=page, picture=picture, drawing=draw(picture), source=source
        )

    @router.get("/models")
    def models(asked: Annotated[ListAsked, Query()]) -> Response:
        with site.index() as index:
            found = list_models(index, asked.selection(), asked.before, limits.page)
            choices = site.choices(index)
        return html(site, "models.html.j2", asked=asked, found=found, choices=choices)

    @router.get("/models/{key:path}")
    @router.get("/artifacts/{key:path}")
    def artifact(key: str, asked: Annotated[ArtifactAsked, Query()]) -> Response:
        with site.index() as index:
            content = content_of(index, key)
            page = artifact_page(index, content, site.judge, limits)
            picture = site.picture(index, Subject(content.key, asked.show))
            uses = site.uses(index, content) if asked.uses else None
        return html(
            site,
            "artifact.html.j2",
            page=page,
            asked=asked,
            picture=picture,
            drawing=draw(picture),
            uses=uses,
            is_model=is_model(content.newest.type),
            here=artifact_link(content.key, content.newest.type),
            source=query_link("/graph.json", of=content.key, show=asked.show),
        )

    @router.get("/steps/{row}")
    def step(row: str) -> Response:
        with site.index() as index:
            page = step_page(index, step_row_of(row), limits)
        return html(site, "step.html.j2", page=page)

    @router.get("/diff")
    def diff(asked: Annotated[DiffAsked, Query()]) -> Response:
        with site.index() as index:
            page = diff_page(index, asked)
        return html(site, "diff.html.j2", page=page, asked=asked)

    @router.get("/search")
    def found(asked: Annotated[SearchAsked, Query()]) -> Response:
        with site.index() as index:
            hits = search(index, asked.q)
        if hits.only:
            return RedirectResponse(hits.only, _SEE_OTHER)
        return html(site, "search.html.j2", asked=asked, hits=hits)

    return router
