"""Published models: bytes under names made of their content, and the pointer to them."""

from __future__ import annotations

from kfp_provenance.publishing.models import Published, publish_model, trust_in
from kfp_provenance.publishing.pointer import POINTER_LIMIT, move_pointer

__all__ = ["POINTER_LIMIT", "Published", "move_pointer", "publish_model", "trust_in"]
