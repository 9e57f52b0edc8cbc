"""What the drill is made of: attacks, who catches them, and honest variations."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Self, TypeAlias

from kfp_provenance.codes import REFUSALS, Code, ExitCode

if TYPE_CHECKING:
    from support.drill.scenes import Scene


class Place(StrEnum):
    """Who must notice. The words are those of the page."""

    VERIFY = "`kprov verify`"
    STORE = "`kprov verify --store`"
    OPERATOR = "`kprov sign`"
    STEP = "the next step"
    SIGN = "the signing step"
    PUBLISH = "the publishing step"


IN_A_RUN = frozenset({Place.STEP, Place.SIGN, Place.PUBLISH})
"""Tasks of a pipeline: they run as KFP's launcher runs them."""


class Ground(StrEnum):
    """Which runs an attack is made on."""

    TABULAR = "tabular"
    DRILL = "drill"
    CLUSTER = "cluster"
    KEYLESS = "keyless"


class Adversary(StrEnum):
    """By what somebody can write. The words are the headings of the page."""

    ARTIFACTS = "Whoever can write artifacts"
    BUNDLE = "Whoever hands over the bundle"
    KEYS = "Whoever has a key"
    TRUSTED_KEY = "Whoever has the trusted key"
    IDENTITIES = "Whoever has an identity"
    RECORDS = "Whoever can write into ML Metadata"
    RUNS = "Whoever can start runs, write the cache or publish"
    POLICY = "Whoever signs what the trust policy does not allow"
    INPUTS = "Whoever can hand over any file"


@dataclass(frozen=True)
class Given:
    """What a victim is handed.

    Attributes:
        path: The model, or what is said to be it.
        bundle: Its provenance bundle.
        trust: Options that say whom to trust.
        store: Store to compare with.
        run: Run that an operator signs.
        subject: Name of the subject that the path must be; the model if empty.
        sign: More options of ``kprov sign``.
        arguments: Parameters of the pipeline that differ from the first run in the cluster.
        pipeline: The compiled pipeline that is submitted.
    """

    path: Path
    bundle: Path
    trust: tuple[str, ...]
    store: str
    run: str = ""
    subject: str = ""
    sign: tuple[str, ...] = ()
    arguments: tuple[tuple[str, object], ...] = ()
    pipeline: str = "drill"

    def but(self, **changes: object) -> Self:
        """The same, except for what is named."""
        return replace(self, **changes)  # type: ignore[arg-type]

    def believing(self, *options: object) -> Self:
        """The same, under another trust policy."""
        return self.but(trust=tuple(map(str, options)))

    def with_arguments(self, **arguments: object) -> Self:
        """The same, with other parameters of the pipeline."""
        return self.but(arguments=(*self.arguments, *arguments.items()))


Act: TypeAlias = "Callable[[Scene], Given]"
"""What the adversary does; returns what the victim is handed then."""


@dataclass(frozen=True)
class Judged:
    """What a victim said.

    Attributes:
        exit_code: Of its process; that of a task that failed is 1.
        codes: Every code that it named.
        notes: Codes of what it said beside a pass.
        seconds: How long its process ran.
    """

    exit_code: int
    codes: frozenset[Code]
    notes: frozenset[Code] = frozenset()
    seconds: float = 0.0


@dataclass(frozen=True)
class Trial:
    """An attack made on one ground, and what one victim must say of it.

    Attributes:
        ground: Runs on which it is made.
        act: Does it.
        place: Who notices.
        codes: All that it says, and nothing else.
        undecided: Why it could not decide, where that is what it says.
    """

    ground: Ground
    act: Act
    place: Place
    codes: frozenset[Code]
    undecided: str = ""

    @property
    def exit_code(self) -> ExitCode:
        """Refused; undecided only where the reason is given. A task that fails returns 1."""
        if self.place in IN_A_RUN or not self.undecided:
            return ExitCode.REFUSED
        return ExitCode.UNDECIDED


@dataclass(frozen=True)
class Attack:
    """Something that must not pass."""

    name: str
    adversary: Adversary
    trials: tuple[Trial, ...]


@dataclass(frozen=True)
class Passing:
    """Something that must pass: an honest variation, or a limit that is stated.

    Attributes:
        name: What was done.
        act: Does it.
        place: Who looks at it.
        why: Why it passes; of a limit, what stops it instead.
        notes: What the victim says beside the pass.
        limit: Whether it is a stated limit and not an honest variation.
    """

    name: str
    act: Act
    place: Place
    ground: Ground
    why: str = ""
    notes: frozenset[Code] = frozenset()
    limit: bool = False


Codes: TypeAlias = Code | tuple[Code, ...]


def trials(
    ground: Ground, act: Act, places: Mapping[Place, Codes], undecided: str = ""
) -> tuple[Trial, ...]:
    """One attack as several victims see it; ``undecided`` says why they cannot decide."""
    found = []
    for place, codes in places.items():
        named = frozenset(codes if isinstance(codes, tuple) else (codes,))
        assert (named <= REFUSALS) != bool(undecided), f"{place}: {named}: say why undecided"
        found.append(Trial(ground, act, place, named, undecided))
    return tuple(found)
