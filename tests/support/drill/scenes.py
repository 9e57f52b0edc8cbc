"""Where the drill takes place: real runs, made once, restored after each attack."""

from __future__ import annotations

import json
import shutil
import sqlite3
from dataclasses import dataclass, field
from pathlib import Path

from kfp_provenance.attest.identifiers import COLLECTOR_BUILDER, IN_RUN_BUILDER, STEP_BUILDER
from kfp_provenance.signing import KeySigner, new_key
from kfp_provenance.signing.file import open_signer
from support.drill.model import Given
from support.signed_run import PASSPHRASE, SignedRun, kprov, make_signed_run

PIPELINES = Path(__file__).with_name("pipelines.py")
CORPUS = Path(__file__).parents[2] / "fuzz" / "corpus"
KEYS = ("signer", "stranger", "step", "later")
"""The trusted one, an attacker's, that of the tasks, and one that follows a rotation."""


@dataclass(frozen=True)
class NamedRun(SignedRun):
    """One of the runs below one folder."""

    name: str
    model_task: str

    @property
    def run(self) -> str:
        return self.name

    @property
    def model(self) -> Path:
        return self.outputs / self.model_task / "model"


@dataclass
class Scene:
    """A folder with all that an attack may touch.

    Attributes:
        folder: Keys, policies, stores and runs.
        pristine: Copy of it before the first attack.
    """

    folder: Path
    pristine: Path

    def given(self) -> Given:
        """What a victim is handed if nobody does anything."""
        raise NotImplementedError

    def artifact(self, task: str, output: str) -> Path:
        """Where the bytes of an output are."""
        raise NotImplementedError

    def remember(self) -> None:
        """Everything is made: attacks start from here."""
        shutil.copytree(self.folder, self.pristine, symlinks=True)

    def restore(self) -> None:
        """Undo an attack; recorded URIs are absolute, so that the place stays the same."""
        shutil.rmtree(self.folder)
        shutil.copytree(self.pristine, self.folder, symlinks=True)

    @property
    def key(self) -> Path:
        """The public key that is trusted."""
        return self.folder / "signer.pub"

    @property
    def database(self) -> Path:
        return self.folder / "metadata.db"

    @property
    def store(self) -> str:
        return f"sqlite:{self.database}"

    def signer(self, name: str = "signer") -> KeySigner:
        """Whoever has this key."""
        return open_signer(f"file:{self.folder / name}.key", lambda _: PASSPHRASE)

    def sql(self, statement: str, *values: object) -> int:
        """Change rows of ML Metadata behind its back; the number of changed rows."""
        with sqlite3.connect(self.database) as connection:
            return connection.execute(statement, values).rowcount

    def write(self, name: str, data: str | bytes) -> Path:
        """A new file in the folder."""
        path = self.folder / name
        path.write_bytes(data.encode() if isinstance(data, str) else data)
        return path

    def bundle(self, data: bytes) -> Path:
        """A bundle that somebody made."""
        return self.write("forged.sigstore.jsonl", data)

    def policy(self, *, top: str = "", signer: str = "", more: str = "") -> tuple[str, str]:
        """A trust policy in the key, as options.

        Args:
            top: Fields of the whole policy.
            signer: More fields of its signer.
            more: More tables.
        """
        text = f'version = 1\n{top}\n[[signer]]\nkey = "signer.pub"\n{IN_RUN}\n{signer}\n{more}\n'
        return "--trust", str(self.write("policy.toml", text))


IN_RUN = f'builders = ["{IN_RUN_BUILDER}"]'


@dataclass
class RunsScene(Scene):
    """Local runs; the first one is the one that is attacked."""

    runs: dict[str, NamedRun] = field(default_factory=dict)

    @property
    def run(self) -> NamedRun:
        return next(iter(self.runs.values()))

    def given(self) -> Given:
        return self.given_of(self.run)

    def given_of(self, run: NamedRun) -> Given:
        """What belongs to one of the runs."""
        return Given(
            run.model, run.bundle, ("--key", str(self.key)), self.store, run=run.run,
            sign=("--subject", f"{run.model_task}/model"),
        )  # fmt: skip

    def artifact(self, task: str, output: str) -> Path:
        return self.run.outputs / task / output


def make_keys(folder: Path) -> None:
    """All keys, with the passphrase of the tests."""
    for name in KEYS:
        if not (folder / f"{name}.key").exists():
            new_key(folder / f"{name}.key", folder / f"{name}.pub", PASSPHRASE)


def make_raw(folder: Path) -> Path:
    """A data set of several files."""
    raw = folder / "raw"
    (raw / "labels").mkdir(parents=True)
    for name, text in (
        ("part-0.csv", "5.1,3.5\n4.9,3.0\n4.7,3.2\n"),
        ("part-1.csv", "6.4,3.2\n6.9,3.1\n"),
        ("labels/labels.csv", "0\n0\n0\n1\n1\n"),
        ("README", "five flowers\n"),
    ):
        (raw / name).write_text(text)
    return raw


def tabular_scene(folder: Path) -> RunsScene:
    """``tabular_training`` on scikit-learn's breast cancer data: artifacts are files."""
    made = make_signed_run(folder / "scene")
    make_keys(made.folder)
    run = NamedRun(made.folder, made.run, "train")
    scene = RunsScene(made.folder, folder / "pristine", {"tabular": run})
    scene.remember()
    return scene


def drill_scene(folder: Path) -> RunsScene:
    """Five runs of directories: two models, one of them twice; another pipeline; step-signed."""
    scene = RunsScene(folder / "scene", folder / "pristine")
    scene.folder.mkdir()
    make_keys(scene.folder)
    raw = make_raw(scene.folder)
    steps = f'[[signer]]\nkey = "step.pub"\nbuilders = ["{STEP_BUILDER}"]\n'
    collector = f'[[signer]]\nkey = "signer.pub"\nbuilders = ["{COLLECTOR_BUILDER}"]\n'
    scene.write("steps.toml", f"version = 1\n{steps}")
    scene.write("both.toml", f"version = 1\n{steps}{collector}")
    published = (
        "-p", "public_key=" + json.dumps(scene.key.read_text()),
        "-p", f"destination={scene.folder / 'published'}",
    )  # fmt: skip
    self_signing = (
        "--step-signer", f"file:{scene.folder / 'step.key'}",
        "-p", f"step_trust={scene.folder / 'steps.toml'}",
    )  # fmt: skip
    older = _run(scene, raw, "drill", 0.1, *published)
    scene.runs["newer"] = _run(scene, raw, "drill", 0.2, *published)
    scene.runs["older"] = older
    scene.runs["again"] = _run(scene, raw, "drill", 0.2, *published)
    scene.runs["another"] = _run(scene, raw, "another", 0.3)
    scene.runs["step-signed"] = _run(scene, raw, "another", 0.4, *self_signing)
    scene.remember()
    return scene


def _run(scene: RunsScene, raw: Path, pipeline: str, rate: float, *options: str) -> NamedRun:
    done = kprov(
        "run", f"{PIPELINES}:{pipeline}", "--root", scene.folder / "runs", "--store", scene.store,
        "-p", f"source={raw}", "-p", f"rate={rate}",
        "-p", f"signer=file:{scene.folder / 'signer.key'}", *options, "--json",
        cwd=scene.folder,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return NamedRun(scene.folder, json.loads(done.stdout)["run"], "fit")


@dataclass
class KeylessScene(Scene):
    """A chain that was signed keyless once and for ever, and the root that it is believed by."""

    identity: str = ""
    issuer: str = ""

    def given(self) -> Given:
        bundle = self.folder / "tabular.sigstore.jsonl"
        return Given(self.folder / "model", bundle, self.options(), "")

    def options(
        self, identity: str = "", issuer: str = "", root: Path | None = None
    ) -> tuple[str, ...]:
        """Trust in an identity, the signer's own if nothing else is said."""
        return (
            "--identity", identity or self.identity, "--issuer", issuer or self.issuer,
            "--trusted-root", str(root or self.root),
        )  # fmt: skip

    @property
    def root(self) -> Path:
        return self.folder / "trusted_root.json"


def keyless_scene(folder: Path) -> KeylessScene:
    """The frozen chain of the fuzzer's corpus."""
    about = json.loads((CORPUS / "about.json").read_text())
    scene = KeylessScene(folder / "scene", folder / "pristine", about["identity"], about["issuer"])
    shutil.copytree(CORPUS, scene.folder)
    scene.write("model", "model")
    make_keys(scene.folder)
    scene.remember()
    return scene
