"""How times, sizes and numbers are written."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

from markupsafe import Markup

_UNITS = ("bytes", "KB", "MB", "GB", "TB", "PB")
_KILO = 1000


def show_time(moment: datetime | None) -> Markup:
    """``2026-03-01 12:00:00 UTC``, for machines too."""
    if moment is None:
        return Markup('<span class="faint">unknown</span>')
    utc = moment.astimezone(UTC)
    return Markup('<time datetime="{}">{}</time>').format(
        utc.isoformat(timespec="seconds"), utc.strftime("%Y-%m-%d %H:%M:%S")
    )


def show_size(size: int | None) -> str:
    """Bytes with a unit, three digits or so."""
    if size is None:
        return "unknown"
    value, unit = float(size), 0
    while value >= _KILO and unit < len(_UNITS) - 1:
        value, unit = value / _KILO, unit + 1
    return f"{size} bytes" if unit == 0 else f"{value:.3g} {_UNITS[unit]}"


def show_duration(started: datetime | None, finished: datetime | None) -> str:
    """How long it took; empty if unknown."""
    if started is None or finished is None or finished < started:
        return ""
    took = finished - started
    seconds = took.total_seconds()
    if took < timedelta(minutes=1):
        return f"{seconds:.3g} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min {rest:02} s"


def show_number(value: object) -> str:
    """A number of metrics, short; anything else as JSON."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return f"{value:,}" if isinstance(value, int) else f"{value:.5g}"


def uri_tail(uri: str, length: int = 48) -> str:
    """The end of a URI, where names are."""
    return uri if len(uri) <= length else f"…{uri[-length:]}"


def visible(text: str) -> str:
    """The text with escapes for what cannot be seen; markup of our own stays as it is."""
    if isinstance(text, Markup) or text.isprintable():
        return text
    return "".join(c if c.isprintable() or c in "\n\t" else _escape(c) for c in text)


def _escape(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")
