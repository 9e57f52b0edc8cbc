"""Names in a trail: a folder for each chain, in it files of records and of checkpoints."""

from __future__ import annotations

import re
import secrets
import socket
from datetime import UTC, datetime

from kfp_provenance.codes import Code
from kfp_provenance.errors import SettingsError

_REPLICA = r"[a-z0-9](?:[a-z0-9.-]{0,61}[a-z0-9])?"
_CHAIN = re.compile(rf"\d{{8}}T\d{{6}}Z-{_REPLICA}-[0-9a-f]{{16}}")
_FILE = re.compile(r"(records|checkpoints)-(\d{16})\.jsonl")
RECORDS = "records"
CHECKPOINTS = "checkpoints"


def default_replica() -> str:
    """Name of this machine or pod, as far as it can be the name of a replica."""
    name = re.sub(r"[^a-z0-9.-]", "-", socket.gethostname().lower())[:63].strip(".-")
    return name or "replica"


def new_chain(replica: str, now: datetime) -> str:
    """A new id: when it began, whose it is, and 64 random bits. Sorts by time.

    Raises:
        SettingsError: SETTING_INVALID if the name of the replica is not like a host's.
    """
    if not re.fullmatch(_REPLICA, replica):
        raise SettingsError(
            Code.SETTING_INVALID,
            "this cannot be the name of a replica",
            expected="at most 63 lower-case letters, digits, dots and dashes",
            found=repr(replica[:80]),
            remedy="name the pod, for example gate-0",
        )
    return f"{now.astimezone(UTC):%Y%m%dT%H%M%SZ}-{replica}-{secrets.token_hex(8)}"


def is_chain(name: str) -> bool:
    """Whether ``name`` is the id of a chain, and so the name of its folder."""
    return _CHAIN.fullmatch(name) is not None


def file_name(kind: str, first: int) -> str:
    """Name of the file of ``kind`` whose first line has the number ``first``."""
    return f"{kind}-{first:016d}.jsonl"


def file_kind(name: str) -> str:
    """``records`` or ``checkpoints``; empty for the name of anything else."""
    match = _FILE.fullmatch(name)
    return match[1] if match else ""


def first_number(name: str) -> int:
    """Number of the first line of a file of :func:`file_name`."""
    match = _FILE.fullmatch(name)
    if match is None:
        raise ValueError(name)
    return int(match[2])
