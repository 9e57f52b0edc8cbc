"""What the page is started with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from kfp_provenance.metadata import LineageIndex
from kfp_provenance.verify import Trust

IndexFactory = Callable[[], LineageIndex]
"""Opens the store; called once for each connection of the pool."""
TrustFactory = Callable[[], Trust]
"""Reads the trust policy; called again from time to time, since it may be changed."""

LOOPBACK = ("127.0.0.1", "localhost", "[::1]")


def utc_now() -> datetime:
    """Now; tests pass a clock of their own."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class Limits:
    """How much a page shows.

    Attributes:
        page: Rows of a list.
        steps: Steps of a picture, before it says how many more there are.
        nodes: Steps and artifacts of a picture together.
        fan: Artifacts that only one step of a picture touches, before they become one node.
        rows: Places, readers and the like of one artifact.
        run_steps: Steps of a run that are read to find what belongs to its models.
        bundles: Files in the folder of bundles that are looked into.
    """

    page: int = 50
    steps: int = 150
    nodes: int = 400
    fan: int = 8
    rows: int = 50
    run_steps: int = 500
    bundles: int = 1000


@dataclass(frozen=True)
class WebSettings:
    """Everything but the store.

    Attributes:
        trust: Reads whom to believe; None: nothing is judged.
        bundles: Folder with bundles, besides those that the store knows.
        hosts: Names by which the page may be called, with or without a port.
        limits: How much a page shows.
        connections: Connections to the store that are open at most.
        clock: Now, with a time zone.
    """

    trust: TrustFactory | None = None
    bundles: Path | None = None
    hosts: frozenset[str] = frozenset(LOOPBACK)
    limits: Limits = field(default_factory=Limits)
    connections: int = 4
    clock: Callable[[], datetime] = utc_now
