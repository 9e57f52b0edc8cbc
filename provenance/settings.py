"""Settings: flags first, then ``KPROV_*`` in the environment, then ``kprov.toml``."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path

from kfp_provenance.codes import Code
from kfp_provenance.errors import SettingsError

SETTINGS_FILE = "kprov.toml"
DEFAULT_STORE = "sqlite:.kprov/metadata.db"

_KEYS = frozenset({"code", "image", "package", "signer", "step_signer", "store", "trusted_root"})
_LIMIT = 64 * 1024


def setting(name: str, flag: str = "", environ: Mapping[str, str] = os.environ) -> str:
    """One setting: the flag, else ``KPROV_<NAME>``, else the file; empty if none has it.

    Raises:
        SettingsError: SETTING_INVALID if ``kprov.toml`` cannot be read.
    """
    return flag or environ.get(f"KPROV_{name.upper()}", "") or _file().get(name, "")


def store_setting(flag: str = "") -> str:
    """Store URI of the command line; the default is a SQLite file in ``.kprov/``."""
    return setting("store", flag) or DEFAULT_STORE


def task_store(fixed: str, *, in_cluster: bool, environ: Mapping[str, str] = os.environ) -> str:
    """Store URI of a task: fixed by its author, else from its environment.

    Only a local run has a default: in a cluster every pod would write to a file of its
    own, and the lineage would be lost with the pod.

    Raises:
        SettingsError: STORE_UNSET in a cluster without a shared store.
    """
    uri = fixed or environ.get("KPROV_STORE", "")
    if not in_cluster:
        return uri or store_setting()
    private = uri.startswith("sqlite:") and not uri.removeprefix("sqlite:").startswith("/")
    if not uri or private:
        raise SettingsError(
            Code.STORE_UNSET,
            "this task runs in a cluster and has no metadata store to record to",
            where="KPROV_STORE",
            expected="grpc://HOST:PORT or mysql://USER@HOST:PORT/DATABASE",
            found=uri or "nothing",
            remedy="compile with `kprov compile --store URI`, or set KPROV_STORE in the pod",
        )
    return uri


def task_signer(fixed: str, environ: Mapping[str, str] = os.environ) -> str:
    """URI of the signer that a task signs its own step with; empty if it signs nothing."""
    return fixed or environ.get("KPROV_STEP_SIGNER", "")


def _file() -> Mapping[str, str]:
    path = Path(SETTINGS_FILE)
    if not path.exists():
        return {}
    try:
        with path.open("rb") as stream:
            text = stream.read(_LIMIT)
        values = tomllib.loads(text.decode("utf-8"))
    except (OSError, ValueError) as error:
        raise SettingsError(
            Code.SETTING_INVALID,
            "the settings file cannot be read",
            where=str(path),
            found=str(error),
            remedy="mend or remove the file",
        ) from error
    for name, value in values.items():
        if name not in _KEYS or not isinstance(value, str):
            raise SettingsError(
                Code.SETTING_INVALID,
                f"unknown setting or wrong type: {name}",
                where=str(path),
                expected="strings named " + ", ".join(sorted(_KEYS)),
                found=f"{name} = {value!r}"[:200],
                remedy="remove the line or mend its name",
            )
    return values
