"""in-toto layouts and links: the chain, judged by in-toto's own rules and programs.

``plan_layout`` reads from a compiled pipeline which steps a signed chain of it must have,
``make_layout`` writes that down as a signed layout, ``make_links`` derives the evidence of
one chain. ``in-toto-verify`` judges; nothing here does.
"""

from __future__ import annotations

from kfp_provenance.layout.links import LinkFile, make_links
from kfp_provenance.layout.plan import Plan, PlannedInput, PlannedStep
from kfp_provenance.layout.planning import plan_layout
from kfp_provenance.layout.rules import make_layout
from kfp_provenance.layout.sealing import check_library, key_id

__all__ = [
    "LinkFile",
    "Plan",
    "PlannedInput",
    "PlannedStep",
    "check_library",
    "key_id",
    "make_layout",
    "make_links",
    "plan_layout",
]
