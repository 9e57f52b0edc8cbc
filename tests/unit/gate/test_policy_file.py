"""The gate's policy is strict; one that cannot be read is none."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from kfp_provenance.codes import Code
from kfp_provenance.errors import GateError
from kfp_provenance.gate import GatePolicy, load_gate_policy
from support.chains import key_pair

BUILDER = "https://kfp-provenance.dev/builders/in-run/v1"
PAGE = Path(__file__).parents[3] / "docs/reference/gate-policy.md"
ENVIRONMENT = """
[[environment]]
name = "production"
namespaces = ["fraud"]
trust = "trust.toml"
sources = ["gs://models/"]
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    key_pair(tmp_path)
    (tmp_path / "trust.toml").write_text(
        f'version = 1\n[[signer]]\nkey = "signer.pub"\nbuilders = ["{BUILDER}"]\n'
    )
    return tmp_path


def load(folder: Path, text: str, name: str = "gate.toml") -> GatePolicy:
    (folder / name).write_text(text)
    return load_gate_policy(folder / name)


def refused(folder: Path, text: str) -> GateError:
    with pytest.raises(GateError) as caught:
        load(folder, text)
    assert caught.value.code is Code.GATE_POLICY_INVALID
    return caught.value


def test_the_example_of_the_reference_is_one(folder: Path) -> None:
    (text,) = re.findall(r"```toml\n(.*?)```", PAGE.read_text(), re.DOTALL)
    for name in ("production", "dev"):
        (folder / name).mkdir()
        for file in ("trust.toml", "signer.pub"):
            (folder / name / file).write_bytes((folder / file).read_bytes())
    policy = load(folder, text)
    production, dev = policy.environments
    assert policy.rules is not None
    assert policy.rules.url == "http://127.0.0.1:8181"
    assert production.promotion.four_eyes
    assert production.hash_up_to == 64 * 2**20
    assert not dev.promotion.required
    assert policy.environment_of("churn") is production
    assert policy.environment("dev") is dev


def test_yaml_says_the_same(folder: Path) -> None:
    text = (
        "version: 1\nenvironment:\n- {name: production, namespaces: [fraud], "
        "trust: trust.toml, sources: ['gs://models/']}\n"
    )
    toml = load(folder, f"version = 1\n{ENVIRONMENT}")
    assert load(folder, text, "gate.yaml").environments == toml.environments


@pytest.mark.parametrize(
    "text",
    [
        "",
        "version = 1\n",
        f"version = 2\n{ENVIRONMENT}",
        f"version = true\n{ENVIRONMENT}",
        f"version = 1\nfail_open = true\n{ENVIRONMENT}",
        f"version = 1\nrefresh_seconds = 0\n{ENVIRONMENT}",
        f"version = 1\ndeadline_seconds = 60\n{ENVIRONMENT}",
        f"version = 1\n{ENVIRONMENT}".replace('"gs://models/"', '"gs://models"'),
        f"version = 1\n{ENVIRONMENT}".replace('"gs://models/"', '"gs://models/../"'),
        f"version = 1\n{ENVIRONMENT}".replace('"gs://models/"', ""),
        f"version = 1\n{ENVIRONMENT}".replace('["fraud"]', '["*"]'),
        f"version = 1\n{ENVIRONMENT}".replace('["fraud"]', "[]"),
        f"version = 1\n{ENVIRONMENT}".replace("trust.toml", "../trust.toml"),
        f"version = 1\n{ENVIRONMENT}".replace("trust.toml", "/etc/passwd"),
        f"version = 1\n{ENVIRONMENT}".replace("trust.toml", "absent.toml"),
        f"version = 1\n{ENVIRONMENT}promotion = {{ required = 1 }}\n",
        f'version = 1\n{ENVIRONMENT}[rules]\nurl = "http://user:pass@opa:8181"\n',
        f'version = 1\n{ENVIRONMENT}[rules]\nurl = "file:///etc/passwd"\n',
        f"version = 1\n{ENVIRONMENT}{ENVIRONMENT}",
        f"version = 1\n{ENVIRONMENT}{ENVIRONMENT.replace('production', 'dev')}",
    ],
)
def test_anything_else_is_refused(folder: Path, text: str) -> None:
    assert refused(folder, text).remedy


def test_one_namespace_is_one_environment(folder: Path) -> None:
    error = refused(folder, f"version = 1\n{ENVIRONMENT}{ENVIRONMENT.replace('production', 'x')}")
    assert "namespace fraud stands there twice" in error.found


def test_what_the_policy_does_not_know_is_an_error(folder: Path) -> None:
    policy = load(folder, f"version = 1\n{ENVIRONMENT}")
    for ask, code in (
        (policy.environment_of, Code.NAMESPACE_UNKNOWN),
        (policy.environment, Code.ENVIRONMENT_UNKNOWN),
    ):
        with pytest.raises(GateError) as caught:
            ask("payments")
        assert caught.value.code is code


def test_the_revision_changes_with_every_file(folder: Path) -> None:
    text = f"version = 1\n{ENVIRONMENT}"
    first = load(folder, text)
    assert load(folder, text).revision == first.revision
    assert load(folder, f"{text}# more\n").revision != first.revision
    trust = folder / "trust.toml"
    trust.write_text(trust.read_text() + f'[revoked]\ndigests = ["sha256:{"0" * 64}"]\n')
    second = load(folder, text)
    assert second.revision != first.revision
    assert second.environments[0].revocations != first.environments[0].revocations


def test_a_source_is_left_by_no_path(folder: Path) -> None:
    (environment,) = load(folder, f"version = 1\n{ENVIRONMENT}").environments
    assert environment.takes("gs://models/sha256-00/model.skops")
    for uri in (
        "gs://models-of-others/model",
        "gs://models/../others/model",
        "gs://models/./model",
        "gs://models/%2e%2e/others/model",
        "gs://models/..\\others",
        "GS://models/model",
        "s3://models/model",
        "",
    ):
        assert not environment.takes(uri)
