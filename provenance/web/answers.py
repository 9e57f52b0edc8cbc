"""From a template to an answer."""

from __future__ import annotations

from fastapi.responses import HTMLResponse

from kfp_provenance.web.site import Site


def html(site: Site, template: str, status: int = 200, **values: object) -> HTMLResponse:
    """A page, or a part of one."""
    return HTMLResponse(site.text(template, **values), status)
