"""docs/reference/codes.md: every code with what is said and advised where it is raised."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from markdown import page

from kfp_provenance.codes import Code, exit_code

PAGE = Path("docs/reference/codes.md")
SOURCES = ("provenance", "components", "pipelines")
_DEFINITIONS = Path("provenance/codes.py")
_INTRO = """# Codes

Every error of this package and every finding of a verifier has one of these codes. A code never
changes its meaning. `kprov` exits with 1 if evidence was read and does not hold, and with 2 if no
judgement was possible; only 0 is a pass. A word in `<...>` stands for the value at hand."""


def _text(node: ast.expr | None) -> str:
    """The text of a string or an f-string; empty for anything else."""
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=parts):
            return "".join(_text(part) or _placeholder(part) for part in parts)
        case _:
            return ""


def _placeholder(node: ast.expr) -> str:
    names = (
        re.findall(r"[a-z_]+", ast.unparse(node)) if isinstance(node, ast.FormattedValue) else []
    )
    return f"<{names[-1].strip('_').replace('_', ' ')}>" if names else ""


def _code(node: ast.expr) -> str:
    match node:
        case ast.Attribute(value=ast.Name(id="Code"), attr=name):
            return name
        case _:
            return ""


@dataclass(frozen=True)
class _Use:
    """A place that names a code, with what it says; texts are empty if they are not literal."""

    code: str
    folder: Path
    message: str = ""
    remedy: str = ""


def _uses(root: Path) -> Iterator[_Use]:
    for source in SOURCES:
        for file in sorted((root / source).rglob("*.py")):
            if file == root / _DEFINITIONS:
                continue
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                match node:
                    case ast.Call():
                        yield from _call(node, file.parent)
                    case ast.Dict():  # remedies of a whole package, by code
                        for key, value in zip(node.keys, node.values, strict=True):
                            if key is not None and _code(key):
                                yield _Use(_code(key), file.parent, remedy=_text(value))
                    case ast.expr() if _code(node):
                        yield _Use(_code(node), file.parent)


def _call(node: ast.Call, folder: Path) -> Iterator[_Use]:
    """A call that takes a code; its message stands right behind the code, or has its name."""
    named = {keyword.arg: keyword.value for keyword in node.keywords}
    remedy = _text(named.get("remedy"))
    for position, argument in enumerate(node.args):
        if code := _code(argument):
            following = [*node.args[position + 1 :], None][0]
            message = _text(following) or _text(named.get("message"))
            yield _Use(code, folder, message, remedy)
    if "code" in named and (code := _code(named["code"])):
        message = _text(named.get("message")) or _text([*node.args, None][0])
        yield _Use(code, folder, message, remedy)


def _sections(root: Path) -> Iterator[tuple[str, list[Code]]]:
    """The comments inside the class and the codes below each of them."""
    title, codes = "", list[Code]()
    body = (root / _DEFINITIONS).read_text(encoding="utf-8").partition("class Code(StrEnum):\n")[2]
    for line in body.splitlines():
        if heading := re.fullmatch(r"    # (.+)", line):
            if codes:
                yield title, codes
            title, codes = heading[1][0].upper() + heading[1][1:], []
        elif member := re.match(r"    ([A-Z_]+) = ", line):
            codes.append(Code[member[1]])
        elif line and not line.startswith(" "):
            break
    if codes:
        yield title, codes


def _lines(uses: list[_Use]) -> Iterator[str]:
    """What is said, each with what is advised; advice alone where nothing literal is said."""
    shared = {use.folder: use.remedy for use in uses if use.remedy and not use.message}
    said = [(use.message, use.remedy or shared.get(use.folder, "")) for use in uses if use.message]
    advised = [("", remedy) for remedy in shared.values() if remedy not in dict(said).values()]
    for message, remedy in dict.fromkeys(said + advised):
        text = "<br>".join(filter(None, [message, remedy and f"*{remedy}*"]))
        yield "- " + re.sub(r"<(?!br>)([^<>]*)>", r"`<\1>`", text)


def make(root: Path) -> dict[Path, str]:
    """The page."""
    uses: defaultdict[str, list[_Use]] = defaultdict(list)
    for use in _uses(root):
        uses[use.code].append(use)
    blocks = [_INTRO]
    for title, codes in _sections(root):
        blocks.append(f"## {title}")
        for code in codes:
            blocks.append(f"### `{code}`\n\nExit code {int(exit_code(code))}.")
            blocks.append("\n".join(_lines(uses[code.name])))
    return {root / PAGE: page("provenance/codes.py and the places that raise", *blocks)}


def problems(root: Path) -> list[str]:
    """Codes that nothing raises."""
    used = {use.code for use in _uses(root)}
    return [f"provenance/codes.py: nothing raises {code}" for code in Code if code.name not in used]
