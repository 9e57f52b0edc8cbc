"""Parameter values in statements.

A value is carried as the JSON that it is where every reader gets the same value back,
as ``{"text": "<JSON text>"}`` where one might not (an integer beyond 2**53-1, NaN,
deep nesting, an object that looks like one of these two forms), and a secret as
``{"keyedDigest": "<keyed digest>"}``.
"""

from __future__ import annotations

import rfc8785

from kfp_provenance.attest.strict_json import JsonValue, StrictJsonError, loads
from kfp_provenance.facts import Parameter

TEXT = "text"
KEYED_DIGEST = "keyedDigest"

_DEPTH = 16
"""Nesting of a value; it sits a few levels down in a statement of at most 64."""


def encode_parameter(parameter: Parameter) -> JsonValue:
    """The form of a parameter in a statement."""
    if parameter.keyed_digest:
        return {KEYED_DIGEST: parameter.keyed_digest}
    try:
        value = loads(parameter.value)
        loads(rfc8785.dumps(value))  # 1e16 is a number, but canonical JSON makes it an integer
    except StrictJsonError:
        return {TEXT: parameter.value}
    lookalike = isinstance(value, dict) and value.keys() in ({TEXT}, {KEYED_DIGEST})
    return {TEXT: parameter.value} if lookalike or _deep(value) else value


def decode_parameter(name: str, value: JsonValue) -> Parameter:
    """The parameter that :func:`encode_parameter` wrote; its text in canonical form.

    Raises:
        ValueError: If the value has a reserved form with something else than text.
    """
    if isinstance(value, dict) and value.keys() in ({TEXT}, {KEYED_DIGEST}):
        ((form, content),) = value.items()
        if not isinstance(content, str):
            raise ValueError(f"parameter {name}: {form} must be a text")
        if form == KEYED_DIGEST:
            return Parameter(name, keyed_digest=content)
        return Parameter(name, value=content)
    return Parameter(name, value=rfc8785.dumps(value).decode("utf-8"))


def same_parameter(one: Parameter, other: Parameter) -> bool:
    """Whether two parameters have one form in statements (``1.0`` and ``1`` do)."""
    # as bytes: to Python, true == 1
    forms = [rfc8785.dumps(encode_parameter(parameter)) for parameter in (one, other)]
    return one.name == other.name and forms[0] == forms[1]


def _deep(value: JsonValue) -> bool:
    level = [value]
    for _ in range(_DEPTH):
        level = [
            child
            for item in level
            if isinstance(item, dict | list)
            for child in (item.values() if isinstance(item, dict) else item)
        ]
        if not level:
            return False
    return True
