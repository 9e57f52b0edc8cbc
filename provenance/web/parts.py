"""What the scripts of a page ask for, files, and whether the page is alive."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response

from kfp_provenance.web.answers import html
from kfp_provenance.web.asked import PictureAsked
from kfp_provenance.web.assets import assets
from kfp_provenance.web.drawing import to_json
from kfp_provenance.web.export import export_page
from kfp_provenance.web.family import family_of
from kfp_provenance.web.graphs import Subject
from kfp_provenance.web.references import content_of, unknown
from kfp_provenance.web.security import FILE_POLICY
from kfp_provenance.web.site import Site

_FOREVER = "public, max-age=31536000, immutable"
_ENDING = ".html"


def part_routes(site: Site) -> APIRouter:
    """Parts of pages, pictures as JSON, files."""
    router = APIRouter()
    limits = site.settings.limits

    @router.get("/graph.json")
    def graph(asked: Annotated[PictureAsked, Query()]) -> Response:
        subject = Subject(asked.run, None) if asked.run else Subject(asked.of, asked.show)
        with site.index() as index:
            return JSONResponse(to_json(site.picture(index, subject)))

    @router.get("/verdicts/{key:path}", response_class=HTMLResponse)
    def verdict(key: str) -> Response:
        with site.index() as index:
            content = content_of(index, key)
            family = family_of(index, content, limits)
            judgement = site.judge.judge(index, content, family)
        return html(site, "part_verdict.html.j2", judgement=judgement, family=family)

    @router.get("/uses/{key:path}", response_class=HTMLResponse)
    def uses(key: str) -> Response:
        with site.index() as index:
            found = site.uses(index, content_of(index, key))
        return html(site, "part_uses.html.j2", uses=found)

    @router.get("/export/{name:path}")
    def export(name: str) -> Response:
        if not name.endswith(_ENDING):
            raise unknown("export", name)
        with site.index() as index:
            content = content_of(index, name.removesuffix(_ENDING))
            text = export_page(index, content, site)
        file = content.key.replace(":", "-") + _ENDING
        headers = {
            "content-disposition": f'attachment; filename="{file}"',
            "content-security-policy": FILE_POLICY,
        }
        return HTMLResponse(text, headers=headers)

    return router


def file_routes(site: Site) -> APIRouter:
    """Style sheets, scripts, and a sign of life."""
    router = APIRouter()

    @router.get("/static/{name}")
    def static(name: str, v: str = "") -> Response:
        asset = assets().get(name)
        if asset is None:
            return PlainTextResponse("no such file\n", 404)
        kept = _FOREVER if v == asset.version else "no-cache"
        return Response(asset.data, media_type=asset.media_type, headers={"cache-control": kept})

    @router.get("/favicon.ico")
    def icon() -> Response:
        return static("logo.svg")

    @router.get("/healthz")
    def alive() -> Response:
        """Whether the store can be read; what is in it is nobody's business here."""
        with site.index() as index:
            index.list_runs(site.everything, limit=1)
        return PlainTextResponse("ok\n")

    return router
