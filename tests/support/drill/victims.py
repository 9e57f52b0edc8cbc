"""Whoever must notice: the real program, or the real task of a real run."""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Callable

from kfp_provenance.codes import Code, ExitCode
from support.drill.cluster import ClusterScene
from support.drill.model import Given, Judged, Place
from support.drill.scenes import Scene
from support.signed_run import judged, kprov

_WORD = re.compile(r"\b[A-Z]+(?:_[A-Z]+)*\b")
_DIAGNOSIS = re.compile(r"^([A-Z_]+): .*$", re.MULTILINE)


def ask(place: Place, scene: Scene, given: Given) -> Judged:
    """What a victim says of what it is given."""
    return _VICTIMS[place](scene, given)


def codes_in(text: str) -> frozenset[Code]:
    """All codes that a text names."""
    return frozenset(Code(word) for word in _WORD.findall(text) if word in Code.__members__)


def _verify(scene: Scene, given: Given, *more: str) -> Judged:
    subject = ("--subject", given.subject) if given.subject else ()
    return _kprov(
        scene, "verify", given.path, "--bundle", given.bundle, *given.trust, *subject, *more
    )


def _verify_with_store(scene: Scene, given: Given) -> Judged:
    return _verify(scene, given, "--store", given.store)


def _sign(scene: Scene, given: Given) -> Judged:
    target = scene.folder / "again.sigstore.jsonl"
    found = _kprov(
        scene, "sign", given.run, "--signer", f"file:{scene.folder / 'signer.key'}",
        "--store", given.store, "-o", target, *given.sign,
    )  # fmt: skip
    assert target.exists() == (found.exit_code == 0), "refused, and yet there is a bundle"
    return found


def _kprov(scene: Scene, *arguments: object) -> Judged:
    start = time.perf_counter()
    done = kprov(*arguments, "--json", cwd=scene.folder)
    seconds = time.perf_counter() - start
    codes, notes = _said(done)
    return Judged(done.returncode, codes, notes, seconds)


def _said(done: subprocess.CompletedProcess[str]) -> tuple[frozenset[Code], frozenset[Code]]:
    """Codes of a refusal, and of what was noted beside a pass."""
    found = judged(done)  # no traceback, and JSON on standard output
    notes = found.output.get("notes", [])
    assert isinstance(notes, list)
    codes = frozenset(map(Code, found.codes))
    if isinstance(error := found.output.get("error"), dict):
        codes |= codes_in(error["message"])  # a chain that is not signed: all that is wrong
    return codes, frozenset(Code(note["code"]) for note in notes)


def _task(scene: Scene, given: Given, place: Place) -> Judged:
    """Run the pipeline once more; whatever fails must be the task that ought to."""
    assert isinstance(scene, ClusterScene)
    run = scene.submit(given)
    task, state = list(run.states.items())[-1]
    if state != "FAILED":
        return Judged(ExitCode.PASS, frozenset(), seconds=scene.backend.seconds)
    own = {"sign": Place.SIGN, "publish": Place.PUBLISH}
    log = run.logs[task]
    assert own.get(task, Place.STEP) is place, f"{task} noticed it: {log}"
    assert "Traceback" not in log, log
    diagnosis = "\n".join(match[0] for match in _DIAGNOSIS.finditer(log))
    assert diagnosis, log
    return Judged(ExitCode.REFUSED, codes_in(diagnosis), seconds=scene.backend.seconds)


_VICTIMS: dict[Place, Callable[[Scene, Given], Judged]] = {
    Place.VERIFY: _verify,
    Place.STORE: _verify_with_store,
    Place.OPERATOR: _sign,
    Place.STEP: lambda scene, given: _task(scene, given, Place.STEP),
    Place.SIGN: lambda scene, given: _task(scene, given, Place.SIGN),
    Place.PUBLISH: lambda scene, given: _task(scene, given, Place.PUBLISH),
}
