"""docs/drill.md: what was attacked, who noticed it, by which code, and how long it took."""

# ruff: noqa: E501 - a row of a table is one line
from __future__ import annotations

import json
import os
import platform
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from support.drill.contract import RECORD
from support.drill.model import Adversary, Attack, Passing, Trial
from support.drill.registry import ATTACKS, PASSING

Line = tuple[str, str, str]
"""An attack or a variation, who looked at it, and the codes that were said."""

_INTRO = """# Drill

Every attack below is made on a real run, and whoever must notice it is the real program or the
real task. `make drill` makes them all and writes this page of what came of them; `make test` makes
them too and demands exactly these codes. The runs, made anew each time:

| run | is |
|---|---|
| tabular | `tabular_training` through `kprov run`: its data sets and its model are files |
| directories | a pipeline whose data sets and model are directories of several files, through `kprov run`: an older and a newer model, the newer one twice, another pipeline on the same data, and a run whose tasks sign their own steps |
| cluster | the same pipeline as KFP's driver and launcher run it, with KFP's cache and ML Metadata |
| keyless | a chain that was signed by a real Fulcio and Rekor once and for all |

*Caught by* says who noticed: `kprov verify` with and without the comparison with the store,
`kprov sign` from outside the run, or in a run *the next step* before its code starts, *the signing
step* and *the publishing step*. Bytes of a data set are changed where the store is compared and for
the next step, those of the model elsewhere. Everything is refused with exit code 1; where no
judgement was possible, it is 2 and the code says *undecided*. Nothing prints a traceback.

Times are of one process each, with its start, on {cores} cores ({versions}). They differ from run
to run."""

_HONEST = """## What must pass

Honest variations. None of them is refused, and none of them says anything beside its pass."""

_SAME = """### The same evidence, written otherwise

Nothing else is signed, and nobody else signed it. Revoke a bundle by the digest of its summary's
signed bytes, which stays the same."""

_LIMITS = """## Limits

What passes although somebody did something, because nothing of what is signed speaks against it.
Each is made here too, so that this list stays true. See the [threat model](threat-model.md)."""


@dataclass(frozen=True)
class Outcome:
    """What came of one case."""

    line: Line
    seconds: float

    @classmethod
    def of(cls, text: str) -> Outcome:
        """Read what a test recorded."""
        said = json.loads(text)
        codes = " ".join(said["codes"])
        return cls((said["name"], said["place"], codes), said["seconds"])


def expected() -> dict[Line, Trial | Passing]:
    """Every line that the page must have."""
    lines: dict[Line, Trial | Passing] = {
        (attack.name, str(trial.place), " ".join(sorted(trial.codes))): trial
        for attack in ATTACKS
        for trial in attack.trials
    }
    return lines | {(one.name, str(one.place), ""): one for one in PASSING}


def page(outcomes: Iterable[Outcome]) -> str:
    """The page; every expected line must have come out.

    Raises:
        ValueError: If something was not done.
    """
    seconds = {outcome.line: outcome.seconds for outcome in outcomes}
    missing = expected().keys() - seconds.keys()
    if missing:
        raise ValueError(f"{len(missing)} cases were not done, for example {min(missing)}")
    parts = [_intro(), *_attacks(seconds), *_passing(seconds)]
    return "\n\n".join(parts) + "\n"


def lines_of(text: str) -> set[Line]:
    """The lines of a page, without their times."""
    found: set[Line] = set()
    for row in re.findall(r"^\| (.+) \|$", text, re.MULTILINE):
        name, *cells = row.split(" | ")
        if len(cells) == 3 and name != "attack":
            places, codes = (cell.split("<br>") for cell in cells[:2])
            found.update(
                (name, place, " ".join(sorted(re.findall(r"`([A-Z_]+)`", listed))))
                for place, listed in zip(places, codes, strict=True)
            )
        elif len(cells) == 2 and name not in ("variation", "limit"):
            found.add((name, cells[0], ""))
    return found


def _intro() -> str:
    packages = ", ".join(f"{name} {version(name)}" for name in ("kfp", "ml-metadata"))
    python = f"Python {platform.python_version()}, {packages}"
    return _INTRO.format(cores=len(os.sched_getaffinity(0)), versions=python)


def _attacks(seconds: dict[Line, float]) -> Iterator[str]:
    for adversary in Adversary:
        found = [attack for attack in ATTACKS if attack.adversary is adversary]
        yield f"## {adversary}"
        table = ["| attack | caught by | code | time |", "|---|---|---|---|"]
        yield "\n".join([*table, *(_row(attack, seconds) for attack in found)])
        reasons = dict.fromkeys(_reasons(found))
        if reasons:
            yield "Undecided:\n\n" + "\n".join(f"- {reason}" for reason in reasons)


def _row(attack: Attack, seconds: dict[Line, float]) -> str:
    places = [str(trial.place) for trial in attack.trials]
    codes = [" ".join(sorted(trial.codes)) for trial in attack.trials]
    times = [
        _time(seconds[attack.name, place, listed])
        for place, listed in zip(places, codes, strict=True)
    ]
    cells = [
        attack.name,
        "<br>".join(places),
        "<br>".join(map(_said, attack.trials)),
        "<br>".join(times),
    ]
    return f"| {' | '.join(cells)} |"


def _said(trial: Trial) -> str:
    listed = ", ".join(f"`{code}`" for code in sorted(trial.codes))
    return f"{listed} *undecided*" if trial.undecided else listed


def _reasons(attacks: Iterable[Attack]) -> Iterator[str]:
    for attack in attacks:
        for trial in attack.trials:
            if trial.undecided:
                yield f"{', '.join(f'`{code}`' for code in sorted(trial.codes))}: {trial.undecided}"


def _passing(seconds: dict[Line, float]) -> Iterator[str]:
    honest = [one for one in PASSING if not one.limit and not one.why]
    yield _HONEST
    rows = [
        f"| {o.name} | {o.place} | {_time(seconds[o.name, str(o.place), ''])} |" for o in honest
    ]
    yield "\n".join(["| variation | seen by | time |", "|---|---|---|", *rows])
    for title, limit in ((_SAME, False), (_LIMITS, True)):
        yield title
        found = [one for one in PASSING if one.limit is limit and one.why]
        rows = [f"| {one.name} | {one.place} | {_why(one)} |" for one in found]
        head = f"| {'limit' if limit else 'variation'} | seen by | why, and what stops it |"
        yield "\n".join(
            [head if limit else head.replace(", and what stops it", ""), "|---|---|---|", *rows]
        )


def _why(one: Passing) -> str:
    notes = "".join(f" (`{code}`)" for code in sorted(one.notes))
    return one.why + notes


def _time(seconds: float) -> str:
    return f"{seconds:.1f} s"


class Report:
    """Plugin of pytest: writes the page after a drill in which everything came out right."""

    def __init__(self, target: Path) -> None:
        self._target = target
        self._outcomes: list[Outcome] = []

    def pytest_runtest_logreport(self, report: Any) -> None:
        """Collect; with several processes this one hears of all tests."""
        if report.when == "call" and report.passed:
            self._outcomes += [
                Outcome.of(value) for name, value in report.user_properties if name == RECORD
            ]

    def pytest_sessionfinish(self, session: Any, exitstatus: int) -> None:
        """Write, or say why not."""
        if exitstatus:
            print(f"\n{self._target} is left as it was: not everything came out right")
            return
        try:
            text = page(self._outcomes)
        except ValueError as error:
            session.exitstatus = 1
            print(f"\n{self._target} is left as it was: {error}")
            return
        self._target.write_text(text, encoding="utf-8")
        print(f"\nwrote {self._target}")
