"""One file with everything about an artifact, which opens offline."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass

from markupsafe import Markup

from kfp_provenance.metadata import LineageIndex
from kfp_provenance.version import distribution_version
from kfp_provenance.web.assets import PICTURE_SCRIPTS, SCRIPTS, asset_text, has_pictures
from kfp_provenance.web.contents import artifact_page
from kfp_provenance.web.drawing import draw, to_json
from kfp_provenance.web.graphs import Show, Subject
from kfp_provenance.web.links import is_model
from kfp_provenance.web.picture import Picture
from kfp_provenance.web.references import Content
from kfp_provenance.web.site import Site

_STYLE = "app.css"


@dataclass(frozen=True)
class Inline:
    """Our own style and scripts, as they stand in the file.

    Attributes:
        style: Text of the style element.
        scripts: Texts of the script elements.
        policy: What the browser is told to run and load: these texts and nothing else.
    """

    style: Markup
    scripts: tuple[Markup, ...]
    policy: str


def export_page(index: LineageIndex, content: Content, site: Site) -> str:
    """The page of an artifact with its trace and its verdict, as one file.

    Raises:
        StoreError: If the store cannot be read.
    """
    page = artifact_page(index, content, site.judge, site.settings.limits)
    picture = site.picture(index, Subject(content.key, Show.UP))
    rows = [int(box.key.removeprefix("step:")) for box in picture.boxes if box.kind == "step"]
    return site.text(
        "export.html.j2",
        page=page,
        picture=picture,
        drawing=draw(picture),
        records=index.records(rows),
        is_model=is_model(content.newest.type),
        inline=inline(),
        data=data_block(picture),
        version=distribution_version(),
        made=site.settings.clock(),
    )


def data_block(picture: Picture) -> Markup:
    """The picture as JSON that cannot end its script element, whatever names are in it."""
    text = json.dumps(to_json(picture, links=False), ensure_ascii=False, separators=(",", ":"))
    for sign in "<>&\u2028\u2029":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return Markup(text)  # noqa: S704 - what could be markup is escaped above


def inline() -> Inline:
    """Style and scripts with the policy that allows them by their hashes.

    All of these texts come with this package, none from a store.
    """
    names = (*PICTURE_SCRIPTS, *SCRIPTS) if has_pictures() else ("page.js",)
    style = _plain(asset_text(_STYLE))
    scripts = [_plain(asset_text(name)) for name in names]
    allowed = " ".join(map(_source, scripts))
    policy = (
        f"default-src 'none'; script-src {allowed}; style-src {_source(style)}; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )
    return Inline(Markup(style), tuple(Markup(s) for s in scripts), policy)  # noqa: S704


def _plain(text: str) -> str:
    """As the browser hashes it; a text that would end its own element is a mistake of ours."""
    text = text.replace("\r\n", "\n")
    lower = text.lower()
    if any(end in lower for end in ("</script", "</style", "<!--")):
        raise ValueError("an asset cannot stand within a page")
    return text


def _source(text: str) -> str:
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return f"'sha256-{digest}'"
