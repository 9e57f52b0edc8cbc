"""What Open Policy Agent is asked, and what it answers."""

from __future__ import annotations
