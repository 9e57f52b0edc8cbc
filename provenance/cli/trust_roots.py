"""Roots of trust for ``kprov trust``: fetched by TUF, taken from a file, saved, described."""

from __future__ import annotations

import tempfile
from pathlib import Path

from sigstore.models import ClientTrustConfig
from sigstore_models.common.v1 import TimeRange
from sigstore_models.trustroot.v1 import CertificateAuthority, TransparencyLogInstance

from kfp_provenance.attest.strict_json import StrictJsonError, loads
from kfp_provenance.codes import Code
from kfp_provenance.errors import ProvenanceError, SettingsError, SigningError, TrustError
from kfp_provenance.signing.certificates import reason_of
from kfp_provenance.verify import SigstoreRoot

_LIMIT = 8 * 1024 * 1024
_CLIENT_CONFIG = "application/vnd.dev.sigstore.clienttrustconfig.v0.1+json"
_PUBLIC_GOOD = "public-good instance of Sigstore"


def root_from_file(path: Path) -> SigstoreRoot:
    """A root of trust, by itself or inside a client trust configuration.

    Raises:
        TrustError: TRUST_INVALID if there is none.
    """
    import rfc8785

    try:
        with path.open("rb") as stream:
            data = stream.read(_LIMIT)
        value = loads(data)
    except (OSError, StrictJsonError) as error:
        raise TrustError(
            Code.TRUST_INVALID,
            "the root of trust cannot be read",
            where=str(path),
            expected="JSON of a Sigstore trusted root or client trust configuration",
            found=reason_of(error),
            remedy="ask whoever runs the instance for it",
        ) from error
    if isinstance(value, dict) and value.get("mediaType") == _CLIENT_CONFIG:
        data = rfc8785.dumps(value.get("trustedRoot"))
    root = SigstoreRoot(data, str(path))
    root.check()
    return root


def root_from_tuf(url: str, bootstrap: Path | None) -> SigstoreRoot:
    """The current root of trust of an instance, updated by TUF.

    Args:
        url: Its TUF repository; empty for the public-good instance.
        bootstrap: Root metadata by which ``url`` is first believed.

    Raises:
        SigningError: SIGNER_UNREACHABLE if the repository cannot be read.
        TrustError: TRUST_INVALID if it must not be believed, or has no root of trust.
        SettingsError: USAGE if ``bootstrap`` cannot be read, or is missing.
    """
    where = url or _PUBLIC_GOOD
    if bootstrap is not None:
        _check_readable(bootstrap)
    try:
        config = (
            ClientTrustConfig.from_tuf(url, bootstrap_root=bootstrap)
            if url
            else ClientTrustConfig.production()
        )
        # sigstore-python has no other way to save what it fetched
        text = config.trusted_root._inner.to_json()  # noqa: SLF001
    except Exception as error:
        raise _not_fetched(where, error) from error
    root = SigstoreRoot(text.encode("utf-8"), where)
    root.check()
    return root


def _check_readable(bootstrap: Path) -> None:
    try:
        bootstrap.open("rb").close()
    except OSError as error:
        raise SettingsError(
            Code.USAGE,
            "the first root metadata cannot be read",
            where=str(bootstrap),
            found=error.strerror or type(error).__name__,
            remedy="name the root.json that whoever runs the instance gave you",
        ) from error


def _not_fetched(where: str, error: Exception) -> ProvenanceError:
    """What cannot be reached may be tried again; what must not be believed is another matter."""
    # sigstore-python says only that it failed, and its cause why
    cause = error.__cause__ if isinstance(error.__cause__, Exception) else error
    if isinstance(cause, FileNotFoundError):
        return SettingsError(
            Code.USAGE,
            "nothing is known yet by which the repository could be believed",
            where=where,
            expected="--tuf-root FILE the first time",
            remedy="ask whoever runs the instance for the root.json of its TUF repository",
        )
    # the former is python-tuf's, which is sigstore-python's dependency and not ours
    refused = {"RepositoryError", "ValueError"}
    if refused & {kind.__name__ for kind in type(cause).__mro__}:
        return TrustError(
            Code.TRUST_INVALID,
            "the repository's root of trust is not believed",
            where=where,
            expected="current metadata, signed as --tuf-root or the last fetch says",
            found=reason_of(cause),
            remedy="ask whoever runs the instance; what was saved before still holds",
        )
    behind = cause.__cause__  # for a refused connection python-tuf says nothing but its own name
    return SigningError(
        Code.SIGNER_UNREACHABLE,
        "the root of trust cannot be fetched",
        where=where,
        found=reason_of(behind if isinstance(behind, Exception) and not str(cause) else cause),
        remedy="check the network and the address; what was saved before still holds",
    )


def save_root(root: SigstoreRoot, path: Path, *, replace: bool) -> None:
    """Write it whole or not at all.

    Raises:
        SettingsError: USAGE if there is a file already, and it is not to be replaced.
    """
    try:
        if replace:
            with tempfile.TemporaryDirectory(dir=path.parent) as folder:
                beside = Path(folder) / path.name
                beside.write_bytes(root.data)
                beside.replace(path)
        else:
            with path.open("xb") as stream:
                stream.write(root.data)
    except OSError as error:
        raise SettingsError(
            Code.USAGE,
            "the root of trust cannot be written",
            where=str(path),
            found=error.strerror or type(error).__name__,
            remedy="name another file, or say --replace" if path.exists() else "name another file",
        ) from error


def describe_root(root: SigstoreRoot) -> list[dict[str, str]]:
    """One row for each authority and log: what it is, its name and when it is or was used."""
    model = root.model
    rows = [
        _row("certificate authority", _name(authority), authority.valid_for)
        for authority in model.certificate_authorities
    ]
    logs: list[tuple[str, list[TransparencyLogInstance]]] = [
        ("certificate log", model.ctlogs),
        ("signature log", model.tlogs),
    ]
    for what, instances in logs:
        rows += [_row(what, log.base_url, log.public_key.valid_for) for log in instances]
    rows += [
        _row("timestamp authority", _name(authority), authority.valid_for)
        for authority in model.timestamp_authorities
    ]
    return rows


def _name(authority: CertificateAuthority) -> str:
    """Its address, which it need not have, or else whom its certificates name."""
    subject = authority.subject
    parts = (subject.common_name, subject.organization) if subject is not None else ()
    return authority.uri or ", ".join(part for part in parts if part)


def _row(what: str, name: str | None, period: TimeRange | None) -> dict[str, str]:
    start = period.start.isoformat() if period is not None and period.start else ""
    end = period.end.isoformat() if period is not None and period.end else ""
    return {"what": what, "name": name or "", "from": start, "until": end}
