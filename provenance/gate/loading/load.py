"""Load models: decide on the chain, fetch and hash, and only then put in place.

All or nothing: no model is put in place before every one is verified. A model server that
found one of two would start with half of what it was to serve; an adapter without its base,
a new model with an old one's tokenizer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from kfp_provenance.errors import ProvenanceError
from kfp_provenance.gate.decide import decide
from kfp_provenance.gate.decision import Decision, Evidence, Request
from kfp_provenance.gate.environments import Environment, GatePolicy
from kfp_provenance.gate.loading.downloads import Limits, download
from kfp_provenance.gate.loading.evidence import Vouched, check_identity, collect, vouched_by
from kfp_provenance.gate.loading.refusing import refused
from kfp_provenance.gate.loading.request import ModelRequest
from kfp_provenance.gate.loading.target import Target, open_target
from kfp_provenance.gate.loading.unpacking import is_archive, unpack
from kfp_provenance.hashing import Content, Files
from kfp_provenance.verify.authentic import finding_of

Say = Callable[[str], None]
Record = Callable[[Decision], None]


@dataclass(frozen=True)
class Rules:
    """What a load goes by.

    Attributes:
        policy: The gate's policy.
        environment: The one of it that the target belongs to.
        limits: What each model may take.
        now: Time of the judgement, with a time zone.
    """

    policy: GatePolicy
    environment: Environment
    limits: Limits
    now: datetime


@dataclass(frozen=True)
class Loaded:
    """A model that is verified and in place.

    Attributes:
        uri: Without credentials.
        target: Directory that it fills.
        content: Its digest, kind and size; of the archive, if it was one.
        vouched: What the evidence said.
    """

    uri: str
    target: Path
    content: Content
    vouched: Vouched


@dataclass(frozen=True)
class _Ready:
    loaded: Loaded
    target: Target
    root: Path
    stamps: Files


@contextmanager
def emptied_targets(paths: Sequence[Path]) -> Iterator[tuple[Target, ...]]:
    """Open, lock and empty directories; an error inside leaves them empty again.

    Everything that can refuse a load is done inside, so that nothing of an earlier one stays.

    Raises:
        LoadError: As :func:`~kfp_provenance.gate.loading.target.open_target`;
            LOAD_TARGET_UNWRITABLE if one cannot be emptied.
    """
    with ExitStack() as held:
        targets = []
        for path in paths:
            targets.append(open_target(path))
            held.callback(targets[-1].close)
        _empty(targets)
        try:
            yield tuple(targets)
        except BaseException:
            _empty(targets)
            raise


def load_models(
    request: Request,
    models: Sequence[ModelRequest],
    targets: Sequence[Target],
    rules: Rules,
    *,
    say: Say = lambda _: None,
    record: Record = lambda _: None,
) -> tuple[Loaded, ...]:
    """Fill the target of each model, or none.

    Args:
        request: Who asks, as it is recorded.
        models: At least one.
        targets: Of :func:`emptied_targets`, one for each model.
        rules: What to go by.
        say: Is told how far it is.
        record: Is given the decision: a refusal when it is known, a permission when all is
            verified and nothing in place yet. What it raises is a refusal.

    Raises:
        ProvenanceError: If one of them is refused, or something cannot be decided.
    """
    loading = _Loading(request, models, rules, say, record)
    try:
        return loading.into(targets)
    except ProvenanceError as error:
        loading.refuse(error)
        raise


class _Loading:
    def __init__(
        self,
        request: Request,
        models: Sequence[ModelRequest],
        rules: Rules,
        say: Say,
        record: Record,
    ) -> None:
        self._models = models
        self._rules = rules
        self._say = say
        self._record = record
        self._recording = False
        self._decision = Decision(
            request, rules.environment.name, (), policy_revision=rules.policy.revision
        )

    def into(self, targets: Sequence[Target]) -> tuple[Loaded, ...]:
        with ExitStack() as staged:
            ready = [
                self._fetch(model, target, known, staged.enter_context(target.staging()))
                for model, target, known in zip(self._models, targets, self._vouched(), strict=True)
            ]
            self._recording = True
            self._record(self._decision)
            self._recording = False
            for one in ready:
                one.target.settle(one.root, one.stamps)
        return tuple(one.loaded for one in ready)

    def refuse(self, error: ProvenanceError) -> None:
        """Record why not; unless it is that nothing can be recorded."""
        if not self._recording:
            findings = getattr(error, "findings", ()) or (finding_of(error),)
            self._record(replace(self._decision, findings=findings))

    def _vouched(self) -> list[Vouched]:
        """What each model must be, decided before anything of it is fetched."""
        environment = self._rules.environment
        collected = [
            collect(model, environment, f"model {number}")
            for number, model in enumerate(self._models, start=1)
        ]
        evidence = Evidence(models=tuple(one.evidence for one in collected))
        self._decision = decide(
            self._decision.request, evidence, self._rules.policy, environment, now=self._rules.now
        )
        if not self._decision.allowed:
            raise refused(self._decision.findings)
        vouched = []
        for model, found, judged in zip(
            self._models, collected, self._decision.models, strict=True
        ):
            known = vouched_by(model, found, judged)
            check_identity(model, known, found, environment)
            self._say(f"verified the chain of {model.name}: {known.digest}")
            vouched.append(known)
        return vouched

    def _fetch(self, model: ModelRequest, target: Target, known: Vouched, staging: Path) -> _Ready:
        landed = download(model, known, staging, self._rules.limits)
        root, stamps = landed.root, landed.stamps
        if is_archive(landed):
            root, stamps = unpack(landed, staging / "unpacked", self._rules.limits, model.name)
        self._say(f"verified the bytes of {model.name}")
        return _Ready(Loaded(model.name, model.target, landed.content, known), target, root, stamps)


def _empty(targets: Sequence[Target]) -> None:
    """Empty all of them, whatever becomes of one."""
    with ExitStack() as all_of_them:
        for target in targets:
            all_of_them.callback(target.empty)
