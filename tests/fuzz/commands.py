"""What `kprov` says of documents that it does not trust: an answer or an error of ours."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from functools import partial
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from fuzz import policies, roots
from fuzz.kinds import Kind, Result, need
from fuzz.listings import memory_folder
from fuzz.mutate import bundle_level
from fuzz.originals import key_signed, keyless
from fuzz.policy_texts import files
from kfp_provenance.cli.app import main
from kfp_provenance.codes import ExitCode

COMMANDS = {
    "bundle-show": (["bundle", "show"], "a.sigstore.jsonl"),
    "bundle-split": (["bundle", "split"], "a.sigstore.jsonl"),
    "policy-show": (["trust", "show"], "policy.toml"),
    "root-show": (["trust", "show"], "root.json"),
}


def mutant(name: str, random: Random) -> tuple[str, bytes]:
    """A document for a command."""
    if name == "policy-show":
        return policies.mutant(random.choice(["policy.toml", "policy.yaml"]), random)
    if name == "root-show":
        return roots.mutate(random)
    return bundle_level.mutate(random, random.choice((key_signed()[0], keyless()[1])).material)


def original(name: str) -> bytes:
    """One that the command can read."""
    if name == "policy-show":
        return policies.originals()["policy.toml"]
    return roots.ROOT if name == "root-show" else key_signed()[0].material.bundle


def judge(name: str, data: bytes) -> Result:
    """The command ends with an exit code that it is specified to have, and says why."""
    words, file = COMMANDS[name]
    printed, errors = io.StringIO(), io.StringIO()
    with TemporaryDirectory(dir=memory_folder() or None) as folder:
        for beside, content in files().items():
            (Path(folder) / beside).write_bytes(content)
        path = Path(folder) / (file if not data.startswith(b"version:") else "policy.yaml")
        path.write_bytes(data)
        more = [str(path), *([str(Path(folder) / "split")] if name == "bundle-split" else [])]
        with redirect_stdout(printed), redirect_stderr(errors):
            code = _exit_code([*words, *more])
    need(code in list(ExitCode), f"exit code {code}")
    need((code == 0) == (not errors.getvalue()), "an error without a word, or a word without one")
    if code:
        need("remedy:" in errors.getvalue(), "an error without a remedy")
        return Result(errors.getvalue().partition(":")[0])
    return Result(f"genuine: shown by {' '.join(words)}", accepted=True)


def _exit_code(words: list[str]) -> int:
    try:
        main(words)
    except SystemExit as end:
        return int(end.code or 0)
    return 0


def kinds() -> Iterator[Kind]:
    """One for each command."""
    for name in COMMANDS:
        yield Kind(
            f"kprov/{name}", 1.0, original(name), partial(mutant, name), partial(judge, name)
        )
