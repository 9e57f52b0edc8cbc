"""Pages for people."""

from __future__ import annotations

from kfp_provenance.report.lineage_page import lineage_page

__all__ = ["lineage_page"]
