"""Files that are no trust policy: without one nothing is trusted."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

from kfp_provenance.codes import Code
from support.drill.model import Act, Adversary, Attack, Given, Ground, Place, trials
from support.drill.scenes import IN_RUN, Scene

_VERSION = "version = 1\n"
_SIGNER = f'[[signer]]\nkey = "signer.pub"\n{IN_RUN}\n'
_OBJECT = "roots: !!python/object/apply:os.getcwd []\n"
_TOML = _VERSION + _SIGNER
_YAML = f"version: 1\nsigner:\n- key: signer.pub\n  {IN_RUN.replace(' =', ':')}\n"


def written(text: str | bytes, name: str = "policy.toml") -> Act:
    """A policy of this text."""
    return lambda scene: scene.given().believing("--trust", scene.write(name, text))


def _made(make: Callable[[Scene], object]) -> Act:
    """Something else in the place of a policy."""

    def act(scene: Scene) -> Given:
        make(scene)
        return scene.given().believing("--trust", scene.folder / "policy.toml")

    return act


def _device(scene: Scene) -> None:
    (scene.folder / "policy.toml").symlink_to("/dev/zero")


def _pipe(scene: Scene) -> None:
    os.mkfifo(scene.folder / "policy.toml")


def _loop(scene: Scene) -> None:
    (scene.folder / "policy.toml").symlink_to("policy.toml")


def _bomb() -> str:
    """Each list holds the one before twice."""
    lists = [f"b{n}: &b{n} [*b{n - 1}, *b{n - 1}]\n" for n in range(1, 20)]
    return "b0: &b0 [x]\n" + "".join(lists)


UNUSABLE: tuple[tuple[str, Act], ...] = (
    ("no policy", _made(lambda _: None)),
    ("an empty policy", written("")),
    ("a folder as the policy", _made(lambda s: (s.folder / "policy.toml").mkdir())),
    ("a pipe as the policy", _made(_pipe)),
    ("a device as the policy", _made(_device)),
    ("a link to itself as the policy", _made(_loop)),
    ("a policy without a signer", written("version = 1\n")),
    ("a policy without a version", written(_SIGNER)),
    ("a policy of a later version", written("version = 2\n" + _SIGNER)),
    ("a policy whose version is true", written("version = true\n" + _SIGNER)),
    (
        "a policy with a field that nobody knows",
        written("version = 1\nallow_all = true\n" + _SIGNER),
    ),
    ("a policy with a pattern", written(_TOML + 'pipelines = ["*"]\n')),
    ("a policy with an empty list", written(_TOML + "pipelines = []\n")),
    ("a policy with one key twice", written(_TOML + _SIGNER)),
    ("a policy with a field twice", written("version = 1\nversion = 1\n" + _SIGNER)),
    ("a policy whose key lies elsewhere", written(_TOML.replace("signer.pub", "../signer.pub"))),
    ("a policy whose key is gone", written(_TOML.replace("signer.pub", "gone.pub"))),
    (
        "a policy whose revocations are gone",
        written('version = 1\nrevocations = "gone.toml"\n' + _SIGNER),
    ),
    ("a policy with a time without a zone", written(_TOML + "not_after = 2027-01-01T00:00:00\n")),
    ("a policy that is no text", written(b"\xff\xfe" + b"x\0" * 10)),
    ("a policy of five megabytes", written(_TOML + "# " + "x" * 5_000_000)),
    ("YAML under the name of TOML", written(_YAML)),
    ("TOML under the name of YAML", written(_TOML, "policy.yaml")),
    ("YAML whose aliases grow without end", written(_YAML + _bomb(), "policy.yaml")),
    ("YAML with a merge key", written("x: &x {version: 1}\n<<: *x\n" + _YAML, "policy.yaml")),
    (
        "YAML with an object of Python",
        written(_YAML + "roots: !!python/object/apply:os.getcwd []\n", "policy.yaml"),
    ),
    ("YAML with a key twice", written(_YAML + "version: 1\n", "policy.yaml")),
    ("YAML with a key twice, once in quotes", written(_YAML + '"version": 1\n', "policy.yaml")),
    ("YAML of two documents", written(_YAML + "---\n" + _YAML, "policy.yaml")),
    ("YAML with a number for a name", written(_YAML + "  pipelines: [1]\n", "policy.yaml")),
    ("YAML with no for a name", written(_YAML + "  pipelines: [no]\n", "policy.yaml")),
    ("YAML nested very deep", written(_YAML + "roots: " + "[" * 5000, "policy.yaml")),
)


def attacks() -> Iterator[Attack]:
    """All of them."""
    why = "without a policy nothing is trusted, and nothing was judged"
    for name, act in UNUSABLE:
        found = trials(Ground.TABULAR, act, {Place.VERIFY: Code.TRUST_INVALID}, why)
        yield Attack(name, Adversary.INPUTS, found)
