"""Structured parameters of components: read once, strictly, with errors that name them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from kfp_provenance.codes import Code
from kfp_provenance.errors import DataError

ModelT = TypeVar("ModelT", bound=BaseModel)


class ParameterModel(BaseModel):
    """Base of the structured parameters: unknown keys are errors, values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


def invalid(name: str, message: str, *, found: object = "", remedy: str = "") -> DataError:
    """The error of a parameter that cannot be used.

    Args:
        name: Name of the parameter.
        message: What is wrong with it.
        found: Its value, if it says more.
        remedy: What to pass instead.
    """
    return DataError(
        Code.PARAMETER_INVALID,
        message,
        where=f"parameter {name!r}",
        found=str(found)[:500],
        remedy=remedy or f"correct the parameter {name!r}",
    )


def parse(model: type[ModelT], value: object, name: str) -> ModelT:
    """Read a structured parameter.

    Raises:
        DataError: PARAMETER_INVALID, naming the first wrong key.
    """
    try:
        return model.model_validate(value)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        path = ".".join([name, *(str(part) for part in first["loc"])])
        raise invalid(path, first["msg"]) from error


def one_of(name: str, value: str, allowed: Collection[str]) -> str:
    """``value``, if it is one of ``allowed``.

    Raises:
        DataError: PARAMETER_INVALID otherwise.
    """
    if value not in allowed:
        choices = ", ".join(sorted(allowed))
        raise invalid(name, f"must be one of: {choices}", found=repr(value))
    return value


def whole_numbers(value: object) -> object:
    """Turn 100.0 into 100, at any depth.

    A pipeline carries every number as a double, so an integer inside a dict or a list
    may arrive as 100.0. Both are the same number there; here it is the integer.
    """
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, Mapping):
        return {key: whole_numbers(item) for key, item in value.items()}
    if isinstance(value, list):
        return [whole_numbers(item) for item in value]
    return value
