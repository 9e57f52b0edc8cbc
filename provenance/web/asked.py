"""What an address asks for: read with pydantic, each text with a limit."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from kfp_provenance.metadata.graph import Selection
from kfp_provenance.web.graphs import Show


def _given(value: object) -> object:
    """A field of a form that was left empty is sent as an empty text."""
    return None if value == "" else value


_Day = Annotated[date | None, BeforeValidator(_given)]
_Row = Annotated[int | None, BeforeValidator(_given), Field(ge=0, lt=2**62)]
_Text = Annotated[str, Field(max_length=500)]


class _Asked(BaseModel):
    model_config = ConfigDict(frozen=True)


class ListAsked(_Asked):
    """A page of runs or models, narrowed."""

    pipeline: _Text = ""
    namespace: _Text = ""
    since: _Day = None
    until: _Day = None
    before: _Row = None

    @property
    def is_narrowed(self) -> bool:
        """Whether some are left out on purpose."""
        return self.selection() != Selection()

    def selection(self) -> Selection:
        """The same for the store; the last day counts whole."""
        return Selection(
            pipeline=self.pipeline.strip(),
            namespace=self.namespace.strip(),
            since=_start_of(self.since),
            until=_start_of(self.until, days=1),
        )


class ArtifactAsked(_Asked):
    """The page of an artifact: which side of it, and whether its uses are counted at once."""

    show: Show = Show.UP
    uses: bool = False


class PictureAsked(_Asked):
    """A picture: of an artifact with its side, or of a run."""

    of: _Text = ""
    run: Annotated[str, Field(max_length=2000)] = ""
    show: Show = Show.UP


class DiffAsked(_Asked):
    """Two models."""

    before: _Text = ""
    after: _Text = ""


class SearchAsked(_Asked):
    """What was typed."""

    q: Annotated[str, Field(max_length=4000)] = ""


class StepsAsked(_Asked):
    """A part of a long list of steps."""

    start: Annotated[int, Field(ge=0, lt=2**31)] = 0


def _start_of(day: date | None, days: int = 0) -> datetime | None:
    if day is None:
        return None
    try:
        return datetime.combine(day + timedelta(days=days), time(), UTC)
    except OverflowError:
        return None
