"""The password of a MySQL store and the PEM files of a TLS connection.

Kubernetes mounts secrets as symlinks, so these files alone may be symlinks.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Never

from kfp_provenance.codes import Code
from kfp_provenance.errors import SettingsError

PASSWORD_VARIABLE = "KPROV_STORE_PASSWORD"  # noqa: S105 - a name, not a secret
PASSWORD_FILE_VARIABLE = "KPROV_STORE_PASSWORD_FILE"  # noqa: S105
_PASSWORD_LIMIT = 4096
_PEM_LIMIT = 1024 * 1024


def store_password() -> str:
    """The password from the environment, or from the file that it names.

    Raises:
        SettingsError: SETTING_INVALID if there is none, or both.
    """
    direct = os.environ.get(PASSWORD_VARIABLE)
    file = os.environ.get(PASSWORD_FILE_VARIABLE)
    if (direct is None) == (file is None):
        raise SettingsError(
            Code.SETTING_INVALID,
            "a MySQL store needs its password in exactly one of two places",
            expected=f"{PASSWORD_VARIABLE} or {PASSWORD_FILE_VARIABLE}",
            found="neither" if direct is None else "both",
            remedy=f"set {PASSWORD_FILE_VARIABLE} to a file that holds the password",
        )
    if direct is not None:
        return _one_line(direct, PASSWORD_VARIABLE)
    text = _read(Path(file or ""), _PASSWORD_LIMIT, PASSWORD_FILE_VARIABLE)
    return _one_line(text.removesuffix("\n").removesuffix("\r"), PASSWORD_FILE_VARIABLE)


def read_pem(path: Path) -> str:
    """Text of a PEM file.

    Raises:
        SettingsError: SETTING_INVALID if it is missing, too large or not PEM.
    """
    text = _read(path, _PEM_LIMIT, str(path))
    if "-----BEGIN " not in text or not text.isascii():
        _invalid("a TLS file is not PEM", str(path))
    return text


def _read(path: Path, limit: int, where: str) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(limit + 1)
        text = content.decode("utf-8")
    except (OSError, ValueError):
        _invalid("a file with a credential cannot be read", where)
    if len(content) > limit:
        _invalid(f"a file with a credential is larger than {limit} bytes", where)
    return text


def _one_line(password: str, where: str) -> str:
    if not password or not password.isprintable():
        _invalid("the password is empty or has characters that are not printable", where)
    return password


def _invalid(message: str, where: str) -> Never:
    raise SettingsError(
        Code.SETTING_INVALID, message, where=where, remedy="correct the file or the variable"
    )
