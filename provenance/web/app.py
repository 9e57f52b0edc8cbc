"""The page as an ASGI application."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response

from kfp_provenance.codes import Code
from kfp_provenance.errors import ProvenanceError
from kfp_provenance.web.answers import html
from kfp_provenance.web.parts import file_routes, part_routes
from kfp_provenance.web.pool import IndexPool
from kfp_provenance.web.routes import page_routes
from kfp_provenance.web.security import Guard
from kfp_provenance.web.settings import IndexFactory, WebSettings
from kfp_provenance.web.site import Site
from kfp_provenance.web.verdicts import Judge

_STATUS = {
    Code.REFERENCE_UNKNOWN: 404,
    Code.DIGEST_INVALID: 404,
    Code.RUN_NOT_FOUND: 404,
    Code.STORE_UNREACHABLE: 503,
}


def create_app(index_factory: IndexFactory, settings: WebSettings) -> Guard:
    """The page over a store.

    Args:
        index_factory: Opens the store; called for the first request, and again for others
            at the same time.
        settings: Whom to believe, where bundles are, by which names it may be called.

    Returns:
        An ASGI application. It writes nothing, anywhere.
    """
    site = Site(settings, IndexPool(index_factory, settings.connections), Judge(settings))

    @asynccontextmanager
    async def running(_app: FastAPI) -> AsyncIterator[None]:
        yield
        site.pool.close()

    # no pages about the pages: they would load scripts from elsewhere
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, lifespan=running)
    app.include_router(file_routes(site))
    app.include_router(part_routes(site))
    app.include_router(page_routes(site))
    _answer_errors(app, site)
    return Guard(app, settings.hosts)


def _answer_errors(app: FastAPI, site: Site) -> None:
    @app.exception_handler(ProvenanceError)
    def refused(_request: Request, error: ProvenanceError) -> Response:
        return html(site, "error.html.j2", _STATUS.get(error.code, 500), error=error)

    @app.exception_handler(RequestValidationError)
    def malformed(_request: Request, error: RequestValidationError) -> Response:
        fields = ", ".join(".".join(map(str, e["loc"][1:])) for e in error.errors())
        problem = ProvenanceError(
            Code.USAGE,
            "the address cannot be read",
            where=fields,
            remedy="go back and choose again",
        )
        return html(site, "error.html.j2", 400, error=problem)

    @app.exception_handler(404)
    def missing(_request: Request, _error: Exception) -> Response:
        problem = ProvenanceError(
            Code.USAGE, "there is no such page", remedy="begin with the list of runs"
        )
        return html(site, "error.html.j2", 404, error=problem)

    @app.exception_handler(Exception)
    def broken(_request: Request, _error: Exception) -> Response:
        """Starlette raises it again after this answer, so that the log has it."""
        problem = ProvenanceError(
            Code.USAGE, "this page failed", remedy="see the log of `kprov ui`, and report it"
        )
        return html(site, "error.html.j2", 500, error=problem)
