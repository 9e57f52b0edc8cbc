"""A trust policy with every field, as a tree and as text; and what a plain reader reads in one."""

from __future__ import annotations

import base64
import hashlib
import json
import tomllib
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from typing import Any

import yaml
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_public_key,
)

from fuzz.mutate.json_tree import Node, Pairs, Raw, parse
from fuzz.originals import CORPUS, signer
from kfp_provenance.attest import IN_RUN_BUILDER
from kfp_provenance.attest.identifiers import COLLECTOR_BUILDER, STEP_BUILDER
from kfp_provenance.codes import Code
from kfp_provenance.errors import TrustError
from kfp_provenance.verify import Trust
from kfp_provenance.verify.trust import TrustedSigner
from support.chains import digest

Document = dict[str, Any]
_YAML_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""libyaml if it is there: another parser than the one under test."""


@cache
def files() -> dict[str, bytes]:
    """What lies beside the policy."""
    return {
        "signer.pub": signer().public_pem,
        "other.pub": signer("stranger").public_pem,
        "root.json": (CORPUS / "trusted_root.json").read_bytes(),
        "revoked.toml": revocations_toml(),
        "revoked.yaml": revocations_yaml(),
    }


def read_file(name: str, more: Mapping[str, bytes] = {}) -> bytes:
    """As ``load_trust`` reads: a file that is not there is an error of ours."""
    found = {**files(), **more}
    if name not in found:
        raise TrustError(Code.TRUST_INVALID, "no such file", where=name, remedy="name another one")
    return found[name]


def revoked(since: str = "2020-01-01T00:00:00Z") -> Document:
    """A list that revokes nothing of the good bundles."""
    return {
        "digests": [str(digest(b"stolen")), str(digest(b"bad data"))],
        "keys": [base64.b64encode(bytes(32)).decode()],
        "identities": [
            {"identity": "old@provenance.example", "issuer": "https://issuer.example"},
            {"identity": "who@provenance.example", "issuer": "https://i.example", "since": since},
        ],
    }


def policy() -> Document:
    """All fields; the good bundles pass."""
    about = json.loads((CORPUS / "about.json").read_bytes())
    component = {"name": "churn.steps.train", "source_digest": str(digest(b"train"))}
    return {
        "version": 1,
        "roots": [str(digest(b"raw")), "gs://bucket/raw"],
        "trusted_root": "root.json",
        "revocations": "revoked.toml",
        "signer": [
            {
                "key": "signer.pub",
                "builders": [IN_RUN_BUILDER, COLLECTOR_BUILDER],
                "pipelines": ["tabular-training"],
                "namespaces": ["team-a", ""],
                "not_before": "2026-01-01T00:00:00Z",
                "not_after": "2027-01-01T00:00:00Z",
            },
            {"pem": signer("tasks").public_pem.decode(), "builders": [STEP_BUILDER]},
            {
                "identity": about["identity"],
                "issuer": about["issuer"],
                "builders": [IN_RUN_BUILDER],
                "namespaces": ["team-a"],
            },
        ],
        "require": {
            "steps": ["train", "evaluate"],
            "level": 1,
            "maximum_age_days": 3650,
            "components": [component, {"name": "churn.steps.evaluate"}],
        },
        "revoked": revoked(),
    }


def as_tree(document: Document) -> Node:
    """A tree in which times are no texts."""
    return _times(parse(json.dumps(document)))


def _times(node: Node) -> Node:
    if isinstance(node, Pairs):
        return Pairs([(key, _times(value)) for key, value in node.items])
    if isinstance(node, list):
        return [_times(value) for value in node]
    if isinstance(node, str) and node.endswith(":00Z"):
        return Raw(node)
    return node


def as_toml(document: Document, path: str = "") -> str:
    """Tables with headings, as a person writes them."""
    text = "".join(
        f"{key} = {_value(value)}\n" for key, value in document.items() if not _is_table(value)
    )
    for key, value in document.items():
        name = f"{path}{key}"
        if isinstance(value, dict):
            text += f"\n[{name}]\n{as_toml(value, name + '.')}"
        elif _is_table(value):
            text += "".join(f"\n[[{name}]]\n{as_toml(one, name + '.')}" for one in value)
    return text


def _is_table(value: object) -> bool:
    return isinstance(value, dict) or (isinstance(value, list) and isinstance(value[0], dict))


def _value(value: object) -> str:
    return value if isinstance(value, str) and value.endswith(":00Z") else json.dumps(value)


def as_yaml(document: Document) -> str:
    """As a person writes it."""
    text = yaml.safe_dump(document, sort_keys=False, allow_unicode=True)
    return text.replace("'2020-01-01T00:00:00Z'", "2020-01-01T00:00:00Z").replace(
        "'2026-01-01T00:00:00Z'", "2026-01-01T00:00:00Z"
    ).replace("'2027-01-01T00:00:00Z'", "2027-01-01T00:00:00Z")  # fmt: skip


@cache
def revocations_toml() -> bytes:
    """A file of revocations."""
    return as_toml({"version": 1, **revoked()}).encode()


@cache
def revocations_yaml() -> bytes:
    """The same."""
    return as_yaml({"version": 1, **revoked()}).encode()


# --- what a plain reader reads -----------------------------------------------------------


def plain(text: bytes, name: str) -> Document:
    """The document as the stock readers of the language read it."""
    decoded = text.decode("utf-8")
    if name.endswith((".yaml", ".yml")):
        return dict(yaml.load(decoded, Loader=_YAML_LOADER))  # noqa: S506 - it is a safe one
    return tomllib.loads(decoded)


def hint_of(pem: bytes) -> str:
    """How bundles name a key."""
    form = PublicFormat.SubjectPublicKeyInfo
    der = load_pem_public_key(pem).public_bytes(Encoding.DER, form)
    return base64.b64encode(hashlib.sha256(der).digest()).decode()


def _limit(signer: Document, name: str) -> frozenset[str] | None:
    return frozenset(signer[name]) if name in signer else None


def stated_signer(signer: Document, more: Mapping[str, bytes]) -> object:
    """Whom the text names, and to what: a limit is open only where the field is not there."""
    if "identity" in signer:
        who = signer["identity"], signer["issuer"]
    else:
        pem = read_file(signer["key"], more) if "key" in signer else signer["pem"].encode()
        who = hint_of(pem), ""
    times: tuple[datetime | None, datetime | None] = (
        signer.get("not_before"),
        signer.get("not_after"),
    )
    limits = _limit(signer, "pipelines"), _limit(signer, "namespaces")
    return who, frozenset(signer["builders"]), *limits, *times


def read_signer(signer: TrustedSigner) -> object:
    """The same of a policy that was read."""
    if signer.identity is not None:
        who = signer.identity.identity, signer.identity.issuer
    else:
        who = signer.label, ""
    limits = signer.pipelines, signer.namespaces
    return who, signer.builders, *limits, signer.not_before, signer.not_after


def stated_rest(document: Document, lists: list[Document]) -> object:
    """Roots, requirements and revocations of the text."""
    require = document.get("require", {})
    components = [(c["name"], c.get("source_digest")) for c in require.get("components", [])]
    days = require.get("maximum_age_days")
    names: list[object] = []
    for one in lists:
        names += one.get("digests", []) + one.get("keys", [])
        names += [(i["identity"], i["issuer"], i.get("since")) for i in one.get("identities", [])]
    roots = frozenset(document["roots"]) if "roots" in document else None
    return (
        roots, frozenset(require.get("steps", [])), components, require.get("level", 1), days,
        set(names),
    )  # fmt: skip


def read_rest(trust: Trust) -> object:
    """The same of a policy that was read."""
    need, gone = trust.requirements, trust.revoked
    components = [
        (c.name, str(c.source_digest) if c.source_digest else None) for c in need.components
    ]
    names: set[object] = {*map(str, gone.digests), *gone.keys}
    names |= {(i.identity.identity, i.identity.issuer, i.since) for i in gone.identities}
    days = need.maximum_age.days if need.maximum_age else None
    return trust.roots, need.steps, components, need.level, days, names
