"""The gate's policy file: TOML or YAML, strict, as docs/reference/gate-policy.md specifies it."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from kfp_provenance.attest.printable import printable
from kfp_provenance.codes import Code
from kfp_provenance.errors import GateError, TrustError
from kfp_provenance.facts import Digest
from kfp_provenance.gate import policy_model as models
from kfp_provenance.gate.environments import (
    Environment,
    GatePolicy,
    PromotionRule,
    RuleService,
)
from kfp_provenance.verify import Trust, load_trust
from kfp_provenance.verify.strict_file import PolicyUnreadableError, read_policy_file, validated

_LIMIT = 1024 * 1024


def load_gate_policy(path: Path) -> GatePolicy:
    """Read the gate's policy and the trust policies that it names.

    Args:
        path: TOML, or YAML if its name ends in ``.yaml`` or ``.yml``.

    Raises:
        GateError: GATE_POLICY_INVALID; a policy that cannot be read lets nothing through.
    """
    try:
        text = read_policy_file(path, _LIMIT)
        model = validated(models.GatePolicyModel, text, str(path))
    except PolicyUnreadableError as error:
        raise _invalid(str(path), str(error)) from error
    _check_once(model, str(path))
    seen = hashlib.sha256(hashlib.sha256(text).digest())
    environments = tuple(_environment(given, path.parent) for given in model.environment)
    for environment in environments:
        seen.update(bytes.fromhex(_revision(environment.trust).hex))
    rules = model.rules
    return GatePolicy(
        environments,
        Digest(seen.hexdigest()),
        rules=None if rules is None else RuleService(rules.url, rules.timeout_seconds),
        refresh=model.refresh_seconds,
        deadline=model.deadline_seconds,
    )


def _environment(model: models.EnvironmentModel, folder: Path) -> Environment:
    rule = model.promotion or models.PromotionModel()
    try:
        trust = load_trust(folder / model.trust)
    except TrustError as error:
        raise _invalid(error.where, f"{error.message}: {error.found}") from error
    return Environment(
        name=model.name,
        namespaces=frozenset(model.namespaces),
        trust=trust,
        sources=tuple(model.sources),
        promotion=PromotionRule(rule.required, rule.four_eyes, rule.withdrawals or ""),
        hash_up_to=model.hash_up_to_bytes,
    )


def _check_once(model: models.GatePolicyModel, where: str) -> None:
    """A namespace of two environments would be judged by whichever stands first."""
    names = (environment.name for environment in model.environment)
    namespaces = (n for environment in model.environment for n in environment.namespaces)
    for what, found in (("environment", _twice(names)), ("namespace", _twice(namespaces))):
        if found:
            raise _invalid(where, f"{what} {found} stands there twice")


def _twice(names: Iterable[str]) -> str:
    return next((name for name, count in Counter(names).items() if count > 1), "")


def _revision(trust: Trust) -> Digest:
    if trust.revision is None:  # only a trust policy that was not read from a file has none
        raise _invalid("trust", "a trust policy without a revision")
    return trust.revision


def _invalid(where: str, reason: str) -> GateError:
    return GateError(
        Code.GATE_POLICY_INVALID,
        "the gate's policy cannot be used",
        where=where,
        expected="a policy as docs/reference/gate-policy.md specifies it",
        found=printable(reason, 500),
        remedy="mend the policy; without one nothing is let through",
    )
