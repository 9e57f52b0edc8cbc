"""Load models: verify the chain, fetch and hash, and only then put in place.

All or nothing: no model is put in place before every one is verified. A model server that
found one of two would start with half of what it was to serve; an adapter without its base,
a new model with an old one's tokenizer.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from kfp_provenance.gate.loading.downloads import Limits, download
from kfp_provenance.gate.loading.evidence import Vouched, vouch
from kfp_provenance.gate.loading.request import ModelRequest
from kfp_provenance.gate.loading.target import Target, open_target
from kfp_provenance.gate.loading.unpacking import is_archive, unpack
from kfp_provenance.hashing import Content, Files
from kfp_provenance.verify import Trust


@dataclass(frozen=True)
class Loaded:
    """A model that is verified, and in place once :func:`load_models` returns.

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


Say = Callable[[str], None]
Confirm = Callable[[Sequence[Loaded]], None]


def load_models(
    models: Sequence[ModelRequest],
    trust: Trust,
    *,
    limits: Limits,
    now: datetime,
    say: Say = lambda _: None,
    confirm: Confirm = lambda _: None,
) -> tuple[Loaded, ...]:
    """Fill the target of each model, or leave all of them empty.

    Args:
        models: At least one.
        trust: Whom to believe.
        limits: Of each model.
        now: Time of the judgement, with a time zone.
        say: Is told how far it is.
        confirm: Is called when all is verified and nothing in place yet; what it raises
            is a refusal.

    Raises:
        ProvenanceError: If one of them is refused, or something cannot be decided. The
            targets are empty, unless the error says that they cannot be emptied.
    """
    with ExitStack() as held:
        targets = []
        for model in models:
            targets.append(open_target(model.target))
            held.callback(targets[-1].close)
        _empty(targets)
        try:
            return _load(models, targets, trust, limits, now, say, confirm)
        except BaseException:
            _empty(targets)
            raise


def _load(  # noqa: PLR0917 - handed on as they came
    models: Sequence[ModelRequest],
    targets: Sequence[Target],
    trust: Trust,
    limits: Limits,
    now: datetime,
    say: Say,
    confirm: Confirm,
) -> tuple[Loaded, ...]:
    vouched = []
    for model in models:
        vouched.append(vouch(model, trust, now))
        say(f"verified the chain of {model.name}: {vouched[-1].digest}")
    with ExitStack() as staged:
        ready = []
        for model, target, known in zip(models, targets, vouched, strict=True):
            staging = staged.enter_context(target.staging())
            ready.append(_fetch(model, target, known, staging, limits))
            say(f"verified the bytes of {model.name}")
        loaded = tuple(one.loaded for one in ready)
        confirm(loaded)
        for one in ready:
            one.target.settle(one.root, one.stamps)
    return loaded


def _fetch(
    model: ModelRequest, target: Target, known: Vouched, staging: Path, limits: Limits
) -> _Ready:
    landed = download(model, known, staging, limits)
    root, stamps = landed.root, landed.stamps
    if is_archive(landed):
        root, stamps = unpack(landed, staging / "unpacked", limits, model.name)
    return _Ready(Loaded(model.name, model.target, landed.content, known), target, root, stamps)


def _empty(targets: Sequence[Target]) -> None:
    """Empty all of them, whatever becomes of one."""
    with ExitStack() as all_of_them:
        for target in targets:
            all_of_them.callback(target.empty)
