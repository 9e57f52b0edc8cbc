"""docs/reference/cli.md, from the command line program itself."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path

import typer
from markdown import page, table
from typer.core import TyperArgument, TyperCommand, TyperGroup, TyperOption

from kfp_provenance.cli.app import app

PAGE = Path("docs/reference/cli.md")


Command = TyperCommand | TyperGroup


def program() -> Command:
    """The root command."""
    command = typer.main.get_command(app)
    if not isinstance(command, (TyperCommand, TyperGroup)):
        raise TypeError(f"unknown kind of command: {command!r}")
    return command


def children(command: Command) -> dict[str, Command]:
    """Commands below this one."""
    below = command.commands if isinstance(command, TyperGroup) else {}
    return {
        name: child
        for name, child in below.items()
        if isinstance(child, (TyperCommand, TyperGroup)) and not child.hidden
    }


def flags(command: Command) -> set[str]:
    """Every spelling of every option."""
    return {text for option in command.params for text in [*option.opts, *option.secondary_opts]}


def _walk(command: Command, name: str) -> Iterator[tuple[str, Command]]:
    yield name, command
    for word, child in children(command).items():
        yield from _walk(child, f"{name} {word}")


def _row(option: TyperOption | TyperArgument) -> tuple[str, ...]:
    if isinstance(option, TyperArgument):
        spelled = f"`{option.metavar or str(option.name).upper()}`"
    else:
        spelled = ", ".join(f"`{text}`" for text in [*option.opts, *option.secondary_opts])
    unset = callable(option.default) or option.default in (None, False)
    default = "required" if option.required else "" if unset else f"`{option.default}`"
    variable = f" (environment: `{option.envvar}`)" if isinstance(option.envvar, str) else ""
    return spelled, default, (option.help or "") + variable


def _options(command: Command) -> str:
    rows = [
        _row(option)
        for option in command.params
        if isinstance(option, (TyperOption, TyperArgument)) and not option.hidden
    ]
    return table(("option", "default", "meaning"), rows) if rows else ""


def make(root: Path) -> dict[Path, str]:
    """The page."""
    blocks = ["# kprov"]
    for name, command in _walk(program(), "kprov"):
        context = typer.Context(command, info_name=name)
        usage = command.get_usage(context).partition(" ")[2]
        blocks += [
            f"## {name}" if name != "kprov" else "",
            inspect.cleandoc(command.help or ""),
            f"```text\n{usage}\n```",
            _options(command),
            command.epilog or "",
        ]
    return {root / PAGE: page("the program", *blocks)}
