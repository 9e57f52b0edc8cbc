"""Style sheets and scripts: what the page brings along, and nothing else.

``static/`` is ours; ``vendor/`` has cytoscape and dagre, put there by ``.ci/web-assets``
when a wheel is built. Without them the lineage is a picture that does not move.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

_TYPES = {
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
    "txt": "text/plain; charset=utf-8",
}
PICTURE_SCRIPTS = ("cytoscape.min.js", "dagre.min.js")
"""Of ``vendor/``, in the order in which they are loaded."""
SCRIPTS = ("page.js", "look.js", "graph.js", "keys.js", "panel.js", "lineage.js")
"""Of ``static/``, likewise."""


@dataclass(frozen=True)
class Asset:
    """One file as it is served; ``version`` changes with its bytes."""

    data: bytes
    media_type: str
    version: str


@cache
def assets() -> dict[str, Asset]:
    """Every file by its name; read once, so that a request never names a file."""
    found = {}
    for folder in ("static", "vendor"):
        place = files("kfp_provenance.web").joinpath(folder)
        if not place.is_dir():
            continue
        for entry in place.iterdir():
            media_type = _TYPES.get(entry.name.rpartition(".")[2])
            if media_type and entry.is_file():
                data = entry.read_bytes()
                version = hashlib.sha256(data).hexdigest()[:16]
                found[entry.name] = Asset(data, media_type, version)
    return found


def has_pictures() -> bool:
    """Whether the library that draws the lineage is there."""
    return all(name in assets() for name in PICTURE_SCRIPTS)


def asset_link(name: str) -> str:
    """Address of a file; a browser may keep it, for another version has another one."""
    return f"/static/{name}?v={assets()[name].version}"


def asset_text(name: str) -> str:
    """A file as text, for the page that opens offline."""
    return assets()[name].data.decode("utf-8")
