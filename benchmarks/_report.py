"""What all benchmarks share: the machine, interleaved rounds, and the page of results."""

from __future__ import annotations

import os
import platform
import re
import ssl
import statistics
from collections.abc import Callable, Mapping
from pathlib import Path

PAGE = Path(__file__).resolve().parent.parent / "docs" / "reference" / "benchmarks.md"
_HEAD = """# Benchmarks

Each section is written by the script of `benchmarks/` that it names, from one run on one
machine. Rounds are interleaved: in every round each candidate runs once, in turn first and
last, so that a busy moment of the machine meets all of them. Ratios are medians over rounds.
"""


def write_section(name: str, markdown: str, page: Path = PAGE) -> None:
    """Replace the section ``name`` of the page of results; append it if it is new.

    Args:
        name: Stands in the markers ``<!-- name:begin -->`` and ``<!-- name:end -->``.
        markdown: The new section, with its heading.
        page: The page; made if it is missing.
    """
    begin, end = f"<!-- {name}:begin -->", f"<!-- {name}:end -->"
    section = f"{begin}\n{markdown.strip()}\n{end}\n"
    text = page.read_text(encoding="utf-8") if page.exists() else _HEAD
    pattern = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}\n?", re.DOTALL)
    if pattern.search(text):
        text = pattern.sub(lambda _: section, text, count=1)
    else:
        text = f"{text.rstrip()}\n\n{section}"
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text(text, encoding="utf-8")


def machine() -> str:
    """Processor, cores in use, system, Python and OpenSSL, in one line."""
    info = Path("/proc/cpuinfo")
    models = re.findall(r"model name\s*: (.*)", info.read_text()) if info.exists() else []
    processor = models[0].strip() if models else platform.machine()
    return ", ".join(
        (
            processor,
            f"{len(os.sched_getaffinity(0))} cores used",
            f"Linux {platform.release()}",
            f"Python {platform.python_version()}",
            ssl.OPENSSL_VERSION.partition("  ")[0],
        )
    )


def interleave(
    candidates: Mapping[str, Callable[[], float]], rounds: int
) -> dict[str, list[float]]:
    """Seconds of every candidate in every round.

    Args:
        candidates: By name; each does its work once and returns the seconds it took.
        rounds: How often. One more round goes first and does not count.
    """
    seconds: dict[str, list[float]] = {name: [] for name in candidates}
    for number in range(rounds + 1):
        names = list(candidates) if number % 2 else list(reversed(candidates))
        for name in names:
            took = candidates[name]()
            if number:
                seconds[name].append(took)
    return seconds


def ratio(ours: list[float], theirs: list[float]) -> float:
    """How many times as fast we are: the median over rounds."""
    return statistics.median(other / our for our, other in zip(ours, theirs, strict=True))
