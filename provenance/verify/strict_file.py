"""Policy files: TOML or YAML, small, regular files, nothing in them that is not asked for."""

from __future__ import annotations

import io
import os
import re
import stat
import tomllib
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from kfp_provenance.verify.strict_yaml import load_yaml

_YAML = (".yaml", ".yml")
_PARTS = 32
_PART = r"""(?:[A-Za-z0-9_-]++|"[^"\n]*+"|'[^'\n]*+')[ \t]*+\.[ \t]*+"""
_LONG_KEY = re.compile(rf"(?<![A-Za-z0-9_-])(?:{_PART}){{{_PARTS}}}")
"""tomllib takes quadratic time for a dotted key: hours for one that fills the file."""
_Model = TypeVar("_Model", bound=BaseModel)


class PolicyUnreadableError(ValueError):
    """Why a policy file is none; whoever reads it says which policy, and what to do."""


def read_policy_file(path: Path, limit: int) -> bytes:
    """The bytes of a regular file.

    Args:
        path: May be a link: policies are mounted so.
        limit: Most bytes to accept.

    Raises:
        PolicyUnreadableError: If it is no regular file, too large, or cannot be read.
    """
    try:
        # without blocking: the name may be a pipe that nobody writes to
        opener = lambda name, flags: os.open(name, flags | os.O_NONBLOCK)  # noqa: E731
        with io.FileIO(path, "r", opener=opener) as stream:
            if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
                raise PolicyUnreadableError("not a regular file")
            data = stream.read(limit + 1) or b""
    except OSError as error:
        raise PolicyUnreadableError(error.strerror or type(error).__name__) from error
    if len(data) > limit:
        raise PolicyUnreadableError(f"larger than {limit} bytes")
    return data


def validated(model: type[_Model], text: bytes, where: str) -> _Model:
    """Read the text of a policy into its model.

    Args:
        model: Strict, without unknown fields.
        text: TOML, or YAML if ``where`` ends so, in UTF-8.
        where: Its name.

    Raises:
        PolicyUnreadableError: With the first thing that is wrong.
    """
    try:
        decoded = text.decode("utf-8")
        value = load_yaml(decoded) if where.endswith(_YAML) else _load_toml(decoded)
        return model.model_validate(value)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"])) or "policy"
        raise PolicyUnreadableError(f"{place}: {first['msg']}") from error
    except (ValueError, RecursionError) as error:
        language = "YAML" if where.endswith(_YAML) else "TOML"
        raise PolicyUnreadableError(f"not {language} in UTF-8: {error}") from error


def _load_toml(text: str) -> object:
    if _LONG_KEY.search(text):
        raise ValueError(f"a name has more than {_PARTS} parts")
    return tomllib.loads(text)
