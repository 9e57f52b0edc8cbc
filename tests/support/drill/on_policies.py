"""Chains that hold and are signed, and that the trust policy does not allow all the same."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

from kfp_provenance.attest.identifiers import BUILDERS
from kfp_provenance.codes import Code
from kfp_provenance.hashing import hash_path
from support.drill.model import Act, Adversary, Attack, Codes, Given, Ground, Place, trials
from support.drill.on_keys import resigned
from support.drill.rewrites import GATHER, SUMMARY
from support.drill.scenes import RunsScene, Scene
from support.forge import Statement, joined, lines_of, statement_of

_ZEROS = "sha256:" + "0" * 64


def _drill(scene: Scene) -> RunsScene:
    assert isinstance(scene, RunsScene)
    return scene


def under(act: Act | None = None, **policy: str) -> Act:
    """What an act gives, or the run as it is, under a policy."""

    def judged(scene: Scene) -> Given:
        given = act(scene) if act else scene.given()
        return given.believing(*scene.policy(**policy))

    return judged


def _another(scene: Scene) -> Given:
    """A good run of another pipeline, with its own model."""
    return _drill(scene).given_of(_drill(scene).runs["another"])


def _unevaluated(scene: Scene) -> Given:
    """An operator signs the model alone, so that no evaluation is behind it."""
    target = scene.folder / "alone.jsonl"
    done = _drill(scene).run.kprov(
        "sign", _drill(scene).run.run, "--signer", f"file:{scene.folder / 'signer.key'}",
        "--store", scene.store, "-o", target, "--subject", "fit/model",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    text = f'version = 1\n[[signer]]\nkey = "signer.pub"\nbuilders = {json.dumps(BUILDERS)}\n'
    policy = scene.write("policy.toml", text + '[require]\nsteps = ["assess"]\n')
    return scene.given().but(bundle=target).believing("--trust", policy)


def _earlier(statements: list[Statement]) -> None:
    """Everything happened three days ago."""
    for statement in statements[:SUMMARY]:
        times = statement["predicate"]["runDetails"]["metadata"]
        for name in ("startedOn", "finishedOn"):
            times[name] = _moved(times[name])
    summary = statements[SUMMARY]["predicate"]
    summary["timeVerified"] = _moved(summary["timeVerified"])


def _moved(text: str) -> str:
    moment = datetime.fromisoformat(text) - timedelta(days=3)
    return moment.isoformat().replace("+00:00", "Z")


def revoking(digest: Callable[[RunsScene], str], act: Act | None = None) -> Act:
    """A digest revoked, of whatever it is."""

    def judged(scene: Scene) -> Given:
        listed = f'[revoked]\ndigests = ["{digest(_drill(scene))}"]'
        return under(act, more=listed)(scene)

    return judged


def _sha256(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def _summary(scene: RunsScene) -> str:
    """Of the summary's signed bytes, whatever is around them."""
    line = json.loads(lines_of(scene.run.bundle.read_bytes())[SUMMARY])
    return _sha256(base64.b64decode(line["dsseEnvelope"]["payload"]))


def cut(scene: Scene) -> Given:
    """The last line feed of a bundle may be missing."""
    return scene.given().but(bundle=scene.bundle(_drill(scene).run.bundle.read_bytes()[:-1]))


def respaced(scene: Scene) -> Given:
    """White space in the summary's line, which no digest is taken of by anybody else."""
    lines = lines_of(_drill(scene).run.bundle.read_bytes())
    lines[SUMMARY] = json.dumps(json.loads(lines[SUMMARY]), indent=None).encode()
    data = joined(lines)
    assert data != _drill(scene).run.bundle.read_bytes()
    return scene.given().but(bundle=scene.bundle(data))


def _line(number: int) -> Callable[[RunsScene], str]:
    return lambda scene: _sha256(lines_of(scene.run.bundle.read_bytes())[number])


def bundle_digest(scene: RunsScene) -> str:
    return _sha256(scene.run.bundle.read_bytes())


def _raw(scene: RunsScene) -> str:
    """Of the data set that the whole chain starts from."""
    return str(hash_path(scene.folder / "raw").digest)


def _shards(scene: RunsScene) -> str:
    return str(hash_path(scene.artifact("gather", "shards")).digest)


def _model(scene: RunsScene) -> str:
    return str(hash_path(scene.run.model).digest)


def _component(digest: str) -> str:
    return f'[require]\ncomponents = [{{ name = "pipelines.assess", source_digest = "{digest}" }}]'


def _source_of_another(scene: Scene) -> Given:
    """The component is demanded with the source that another one has."""
    statement = statement_of(lines_of(_drill(scene).run.bundle.read_bytes())[GATHER])
    digest = statement["predicate"]["buildDefinition"]["internalParameters"]["sourceDigest"]
    return under(more=_component(digest))(scene)


_ONLY_DRILL = 'pipelines = ["drill"]'
_PIPELINE = Code.PIPELINE_UNTRUSTED
_ROOT, _STEP, _REVOKED = Code.ROOT_UNTRUSTED, Code.STEP_REQUIRED, Code.DIGEST_REVOKED

REFUSED: tuple[tuple[str, Act, Codes], ...] = (
    ("a good run of another pipeline", under(_another, signer=_ONLY_DRILL), _PIPELINE),
    (
        "a pipeline whose name begins with the trusted one",
        under(signer='pipelines = ["dril"]'), _PIPELINE,
    ),
    ("a run in no namespace", under(signer='namespaces = ["team-a"]'), Code.NAMESPACE_UNTRUSTED),
    ("another data set than the allowed ones", under(top=f'roots = ["{_ZEROS}"]'), _ROOT),
    ("a data set beside the allowed place", under(top='roots = ["/data/raw"]'), _ROOT),
    ("a chain without the evaluation that is demanded", _unevaluated, _STEP),
    (
        "a step demanded that the pipeline does not have",
        under(more='[require]\nsteps = ["review"]'), _STEP,
    ),
    ("a component demanded with another source", under(more=_component(_ZEROS)), _STEP),
    ("a component demanded with the source of another one", _source_of_another, _STEP),
    ("a higher level demanded", under(more="[require]\nlevel = 2"), Code.LEVEL_TOO_LOW),
    (
        "a chain that was signed too long ago",
        under(resigned("signer", _earlier), more="[require]\nmaximum_age_days = 2"),
        Code.BUNDLE_TOO_OLD,
    ),
    ("a revoked data set deep in the chain", revoking(_raw), _REVOKED),
    ("a revoked data set that a step made", revoking(_shards), _REVOKED),
    ("a revoked model", revoking(_model), _REVOKED),
    ("a revoked step", revoking(_line(GATHER)), _REVOKED),
    ("a revoked bundle", revoking(bundle_digest), _REVOKED),
    ("a revoked bundle without its last line feed", revoking(bundle_digest, cut), _REVOKED),
    ("a revoked summary, written with white space", revoking(_summary, respaced), _REVOKED),
)  # fmt: skip


def attacks() -> Iterator[Attack]:
    """Each under a policy of its own."""
    for name, act, codes in REFUSED:
        yield Attack(name, Adversary.POLICY, trials(Ground.DRILL, act, {Place.VERIFY: codes}))
