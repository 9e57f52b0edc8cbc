"""``kprov gate load``: KServe's storage initializer."""

from __future__ import annotations

import socket
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kfp_provenance.cli.output import JsonFlag, print_json
from kfp_provenance.cli.trust_options import (
    IdentityOption,
    IssuerOption,
    KeyOption,
    RootOption,
    TrustOption,
    trust_of,
)
from kfp_provenance.codes import Code
from kfp_provenance.errors import SettingsError

if TYPE_CHECKING:
    from kfp_provenance.audit import Tip
    from kfp_provenance.gate import Decision, Environment, GatePolicy, Request
    from kfp_provenance.gate.loading import Limits, Loaded
    from kfp_provenance.verify import Trust

_MOST = 1 << 50


def load(  # noqa: PLR0917 - options of a command
    models: Annotated[list[str], typer.Argument(metavar="URI PATH [URI PATH ...]")],
    policy: Annotated[
        Path | None, typer.Option(help="The gate's policy; with --environment or --namespace.")
    ] = None,
    environment: Annotated[str, typer.Option(help="Environment of the policy.")] = "",
    namespace: Annotated[
        str, typer.Option(help="Kubernetes namespace, which is of one environment.")
    ] = "",
    trust: TrustOption = None,
    key: KeyOption = None,
    identity: IdentityOption = "",
    issuer: IssuerOption = "",
    trusted_root: RootOption = "",
    audit: Annotated[str, typer.Option(help="Audit trail: a folder, or gs://BUCKET/PREFIX.")] = "",
    audit_signer: Annotated[str, typer.Option(help="Signs the trail's checkpoints.")] = "",
    as_json: JsonFlag = False,
) -> None:
    """Fill directories with verified models, or leave them empty. KServe's initializer.

    What is in PATH is removed first. Options are also read from KPROV_POLICY and so on,
    limits from KPROV_LOAD_MAX_BYTES and KPROV_LOAD_MAX_FILES, claims from
    VERIFICATION_DIGEST and KPROV_VERIFICATION. Why a model was refused is also written to
    KPROV_TERMINATION_LOG, else /dev/termination-log.
    """
    from kfp_provenance.errors import ProvenanceError
    from kfp_provenance.gate.loading import (
        Rules,
        emptied_targets,
        load_models,
        parse_request,
        parse_targets,
        refusal_message,
        success_message,
    )

    try:
        with emptied_targets(parse_targets(models)) as targets:
            believed = _Believed(policy, environment, namespace, trust, key, identity, issuer)
            chosen, of = believed.read(trusted_root)
            with _recorder(audit, audit_signer) as record:
                loaded = load_models(
                    _request(believed.namespace),
                    parse_request(models),
                    targets,
                    Rules(chosen, of, _limits(), datetime.now(UTC)),
                    say=lambda text: typer.echo(text, err=True),
                    record=record,
                )
    except ProvenanceError as error:
        _tell_kubelet(refusal_message(error))
        for finding in getattr(error, "findings", ())[1:]:
            typer.echo(f"also {finding.code}: {finding.message}", err=True)
        raise
    _tell_kubelet(success_message(loaded))
    _print(loaded, as_json=as_json)


class _Believed:
    """Whom to believe: a policy of the gate, or a shorthand. Each option, else its setting."""

    def __init__(  # noqa: PLR0917 - as the command has them
        self,
        policy: Path | None,
        environment: str,
        namespace: str,
        trust: Path | None,
        key: Path | None,
        identity: str,
        issuer: str,
    ) -> None:
        from kfp_provenance.settings import setting

        given = policy or trust or key or identity or issuer
        self.policy = policy if given else _path(setting("policy"))
        self.trust = trust if given else _path(setting("trust"))
        self.key = key if given else _path(setting("key"))
        self.identity = identity if given else setting("identity")
        self.issuer = issuer if given else setting("issuer")
        self.environment = setting("environment", environment)
        self.namespace = setting("namespace", namespace)

    def read(self, trusted_root: str) -> tuple[GatePolicy, Environment]:
        """The policy, and the environment of it that is meant."""
        shorthand = bool(self.trust or self.key or self.identity or self.issuer)
        if self.policy is None or shorthand:
            if self.policy is not None or self.environment:
                raise _usage("a policy of the gate, or a signer to trust: not both")
            trust = trust_of(self.key, self.trust, self.identity, self.issuer, trusted_root)
            return _policy_of(trust)
        from kfp_provenance.gate import load_gate_policy

        policy = load_gate_policy(self.policy)
        if self.environment:
            environment = policy.environment(self.environment)
            if self.namespace and self.namespace not in environment.namespaces:
                raise _usage(f"{self.namespace} is not a namespace of {self.environment}")
            return policy, environment
        if not self.namespace:
            raise _usage("say for which environment or namespace the model is")
        return policy, policy.environment_of(self.namespace)


def _policy_of(trust: Trust) -> tuple[GatePolicy, Environment]:
    """A policy that asks for nothing but signers that are trusted."""
    from kfp_provenance.facts import Digest
    from kfp_provenance.gate import Environment, GatePolicy

    labels = "\n".join(sorted(signer.label for signer in trust.signers))
    revision = trust.revision or Digest.of(labels.encode())
    environment = Environment("", frozenset(), trust, sources=("",))
    return GatePolicy((environment,), revision), environment


@contextmanager
def _recorder(uri: str, signer: str) -> Iterator[Callable[[Decision], None]]:
    """What writes decisions to the trail of that URI, if there is one."""
    from kfp_provenance.settings import setting

    uri, signer = setting("audit", uri), setting("audit_signer", signer)
    if not uri:
        yield lambda _: None
        return
    from kfp_provenance.audit import AuditTrail
    from kfp_provenance.gate.recording import record_of
    from kfp_provenance.signing import open_signer

    with AuditTrail.open(uri, signer=open_signer(signer) if signer else None) as trail:
        yield lambda decision: _note(trail.append(record_of(decision, datetime.now(UTC))))


def _note(tip: Tip) -> None:
    typer.echo(f"recorded as {tip.chain}/{tip.sequence}", err=True)


def _request(namespace: str) -> Request:
    from kfp_provenance.gate import Place, Request

    return Request(
        Place.LOAD,
        str(uuid.uuid4()),
        operation="load",
        kind="Pod",
        namespace=namespace,
        name=socket.gethostname()[:253],
    )


def _path(text: str) -> Path | None:
    return Path(text) if text else None


def _usage(message: str) -> SettingsError:
    return SettingsError(
        Code.USAGE,
        message,
        expected="--policy FILE with --environment or --namespace; or --trust, --key, --identity",
        remedy="correct the options, or the KPROV_* variables",
    )


def _limits() -> Limits:
    from kfp_provenance.gate.loading import Limits

    default = Limits()
    return Limits(_number("load_max_bytes", default.size), _number("load_max_files", default.files))


def _number(name: str, default: int) -> int:
    from kfp_provenance.settings import setting

    text = setting(name)
    if not text:
        return default
    if not (
        text.isascii()
        and text.isdecimal()
        and len(text) <= len(str(_MOST))
        and 0 < int(text) <= _MOST
    ):
        raise SettingsError(
            Code.SETTING_INVALID,
            "a limit is a number above 0",
            where=f"KPROV_{name.upper()}",
            expected=f"1 to {_MOST}",
            found=repr(text[:80]),
            remedy="correct it, or leave it out",
        )
    return int(text)


def _tell_kubelet(text: str) -> None:
    from kfp_provenance.gate.loading import write_message

    problem = write_message(text)
    if problem:
        typer.echo(problem, err=True)


def _print(loaded: tuple[Loaded, ...], *, as_json: bool) -> None:
    if as_json:
        print_json(
            [
                {
                    "uri": model.uri,
                    "path": str(model.target),
                    "digest": str(model.content.digest),
                    "kind": str(model.content.kind),
                    "size": model.content.size,
                    "bundle": {
                        "uri": model.vouched.bundle,
                        "digest": str(model.vouched.bundle_digest),
                    },
                    "signers": list(model.vouched.signers),
                }
                for model in loaded
            ]
        )
        return
    for model in loaded:
        signers = ", ".join(model.vouched.signers)
        typer.secho(
            f"LOADED  {model.target}  {model.content.digest}  {model.uri}, signed by {signers}",
            fg=typer.colors.GREEN,
        )
