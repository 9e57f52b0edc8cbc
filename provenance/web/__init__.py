"""The web page of a store: runs, artifacts, models, their lineage as a picture, verdicts.

Read-only. Everything that a store says is text from outside: it is escaped, and nothing of
it is ever executed, fetched from the network or opened by a name that a visitor gave.
"""

from __future__ import annotations

from kfp_provenance.web.settings import WebSettings

__all__ = ["WebSettings"]
