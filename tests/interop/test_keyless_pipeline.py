"""``tabular_training`` for real, signed keyless with the service account of a real API server."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from pathlib import Path

import pytest

from support.command_line import CommandLine
from support.cosign import Cosign, by_identity
from support.forge import statements_of
from support.kubernetes_api import ApiServer
from support.sigstore_instance import Sigstore, certificate_identity

pytestmark = pytest.mark.interop

ACCOUNT = "pipeline-runner"
POLICY = """\
version = 1
trusted_root = "trusted_root.json"

[[signer]]
identity = "{identity}"
issuer = "{issuer}"
builders = [{builders}]
pipelines = ["tabular-training"]
namespaces = [""]
"""
BUILDERS = {
    "the signing task signs": ("in-run",),
    "every task signs its step": ("step", "collector"),
}
"""Who may say what, in either mode."""


@dataclass(frozen=True)
class KeylessRun:
    """A finished run, and who signed it."""

    kprov: CommandLine
    outputs: Path
    policy: Path
    builders: tuple[str, ...]
    identity: str
    issuer: str
    root: Path

    @property
    def model(self) -> Path:
        return self.outputs / "train" / "model"

    @property
    def bundle(self) -> Path:
        return self.outputs / "sign" / "bundle"

    def trust(self, identity: str = "", issuer: str = "") -> tuple[str, ...]:
        return (
            f"--identity={identity or self.identity}",
            f"--issuer={issuer or self.issuer}",
            f"--trusted-root={self.root}",
        )


def project(folder: Path, token: str) -> Path:
    """Write a token as the kubelet does: readable for all in the pod, behind two links."""
    dated = folder / "..2026_03_01_12_00_00.1234567890"
    dated.mkdir(parents=True)
    (dated / "token").write_text(token)
    (dated / "token").chmod(0o644)
    (folder / "..data").symlink_to(dated.name)
    (folder / "token").symlink_to("..data/token")
    return folder / "token"


def raw_data(path: Path) -> Path:
    from sklearn.datasets import load_breast_cancer

    frame = load_breast_cancer(as_frame=True).frame
    frame.columns = [str(name).replace(" ", "_") for name in frame.columns]
    frame.to_csv(path, index=False)
    return path


@pytest.fixture(scope="module", params=BUILDERS)
def run(
    request: pytest.FixtureRequest,
    api_server: ApiServer,
    cluster_sigstore: Sigstore,
    tmp_path_factory: pytest.TempPathFactory,
) -> KeylessRun:
    folder, namespace = tmp_path_factory.mktemp("keyless"), f"team-{secrets.token_hex(6)}"
    api_server.create_namespace(namespace)
    api_server.create_service_account(namespace, ACCOUNT)
    api_server.create_pod(namespace, "sign", ACCOUNT)
    token = project(
        folder / "tokens",
        api_server.service_account_token(namespace, ACCOUNT, "sigstore", pod="sign"),
    )
    identity = certificate_identity(f"{namespace}/{ACCOUNT}")
    root = folder / "trusted_root.json"
    root.write_bytes(cluster_sigstore.trusted_root.read_bytes())
    policy, builders = folder / "trust.toml", BUILDERS[request.param]
    uris = ", ".join(f'"https://kfp-provenance.dev/builders/{name}/v1"' for name in builders)
    policy.write_text(POLICY.format(identity=identity, issuer=api_server.address, builders=uris))
    kprov = CommandLine(folder / "home", variables={"KPROV_PACKAGE": "image"})
    signer = f"sigstore:?token-file={token}&trust-config={cluster_sigstore.trust_config}"
    by_themselves = len(builders) > 1
    parameters = {
        "source": raw_data(folder / "raw.csv"),
        "label": "target",
        "signer": signer,
        "trust": policy,
        "step_trust": policy if by_themselves else "",
        "destination": folder / "published",
        "model_name": "tumour",
        "estimator": "sklearn.linear_model.LogisticRegression",
    }
    options = [word for name, value in parameters.items() for word in ("-p", f"{name}={value}")]
    said = kprov.succeed(
        "run", "tabular_training", "--root", folder / "runs",
        "--store", f"sqlite:{folder / 'metadata.db'}", "--json", *options,
        f"--step-signer={signer if by_themselves else ''}",
    )  # fmt: skip
    outputs = Path(said.json["outputs"])
    return KeylessRun(kprov, outputs, policy, builders, identity, api_server.address, root)


def test_the_account_of_the_run_is_who_signed(run: KeylessRun) -> None:
    store = f"sqlite:{run.policy.parent / 'metadata.db'}"
    options = ("--bundle", run.bundle, "--store", store, "--json")
    said = run.kprov.succeed("verify", run.model, *options, *run.trust())
    assert said.json["chain"]["signedBy"] == [f"{run.identity} of {run.issuer}"]
    tasks = {step["task"] for step in said.json["chain"]["steps"]}
    assert tasks == {"ingest", "preprocess", "train", "evaluate"}
    assert run.identity.startswith("https://kubernetes.io/namespaces/team-")
    assert run.identity.endswith(f"/serviceaccounts/{ACCOUNT}")


def test_the_publishing_task_believed_the_policy(run: KeylessRun) -> None:
    published = run.policy.parent / "published"
    pointer = json.loads((published / "tumour.json").read_text())
    model, bundle = (Path(pointer[name]["uri"]) for name in ("model", "bundle"))
    assert published in model.parents
    assert bundle.read_bytes() == run.bundle.read_bytes()
    run.kprov.succeed("verify", model, "--bundle", bundle, f"--trust={run.policy}")


def test_each_line_says_who_made_it(run: KeylessRun) -> None:
    *steps, summary = statements_of(run.bundle.read_bytes())
    made = {step["predicate"]["runDetails"]["builder"]["id"] for step in steps}
    said = summary["predicate"]["verifier"]["id"]
    assert {uri.split("/")[-2] for uri in made} == {run.builders[0]}
    assert said.split("/")[-2] == run.builders[-1]


@pytest.mark.parametrize(
    ("account", "issuer"),
    [("{namespace}/default", ""), ("default/" + ACCOUNT, ""), ("{namespace}/" + ACCOUNT, "{mail}")],
)
def test_another_account_or_issuer_is_refused(
    run: KeylessRun, cluster_sigstore: Sigstore, account: str, issuer: str
) -> None:
    namespace = run.identity.split("/")[4]
    trust = run.trust(
        certificate_identity(account.format(namespace=namespace)),
        issuer.format(mail=cluster_sigstore.issuer.kubernetes),
    )
    said = run.kprov("verify", run.model, "--bundle", run.bundle, "--json", *trust)
    assert (said.exit_code, said.codes) == (1, {"SIGNER_UNTRUSTED"})


def test_cosign_believes_every_line(run: KeylessRun, cosign: Cosign, tmp_path: Path) -> None:
    files = run.kprov.succeed("bundle", "split", run.bundle, tmp_path).output.splitlines()
    statements = statements_of(run.bundle.read_bytes())
    trust = by_identity(run.identity, run.issuer, run.root)
    for file, statement in zip(files, statements, strict=True):
        subject = statement["subject"][0]["digest"]["sha256"]
        said = cosign.verify(Path(file), statement["predicateType"], subject, trust)
        assert said.accepted, said.words


def test_no_token_is_left_behind(run: KeylessRun) -> None:
    """Neither in what the run wrote, nor in its records, nor in its log."""
    (token,) = (run.policy.parent / "tokens").glob("..2*/token")
    signature = token.read_text().rpartition(".")[2].encode()
    written = [
        path
        for path in run.policy.parent.rglob("*")
        if path.is_file() and "tokens" not in path.relative_to(run.policy.parent).parts
    ]
    assert run.policy.parent / "metadata.db" in written
    assert [path for path in written if signature in path.read_bytes()] == []
