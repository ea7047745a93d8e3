"""`@file` and `#symbol` in what a person asks: what they name is looked up in the workspace and
goes along. What may not be sent is refused here by the same rules as for every tool, and told.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable
from itertools import islice
from pathlib import Path, PurePosixPath

from codex_lsp.agent.context.lines import LineRange, split_lines
from codex_lsp.agent.context.parts import Part, head
from codex_lsp.agent.context.scope import enclosing
from codex_lsp.workspace.containment import Outside
from codex_lsp.workspace.disk import Unusable
from codex_lsp.workspace.search import Match, Query, search
from codex_lsp.workspace.snapshot import Found, Missing, Snapshot
from codex_lsp.workspace.tree import files

MOST_MENTIONS = 20
_MOST_DEFINITIONS = 3
_LISTED = 100
_LOOKED_AT = 50_000
_FILE = re.compile(r"(?<![\w@/.])@(?:\"([^\"\n]+)\"|([\w.~/\\\-]*[\w/\\]))")
_SYMBOL = re.compile(r"(?<![\w#&/])#([A-Za-z_]\w*(?:(?:\.|::)[A-Za-z_]\w*)*)")
_DEFINES = (
    r"\b(?:def|class|func|function|fn|fun|struct|enum|trait|interface|type|module|namespace|const|"
    r"let|var|val|static|macro_rules!)\s+(?:\([^)]*\)\s*)?{name}\b|^\s*{name}\s*(?::[^=]+)?=(?!=)"
)


def mentioned(wish: str) -> tuple[list[str], list[str]]:
    """The files and the symbols that `wish` names, each once, in order."""
    named = [quoted or bare for quoted, bare in _FILE.findall(wish)]
    return list(dict.fromkeys(named)), list(dict.fromkeys(_SYMBOL.findall(wish)))


async def mentions(wish: str, snapshot: Snapshot, *, budget: int) -> list[Part]:
    """A part for each thing that `wish` names, of `budget` bytes at most each; searches."""
    named, symbols = mentioned(wish)
    parts = await asyncio.to_thread(
        lambda: [
            file_part(snapshot, name, budget)
            for name in named[:MOST_MENTIONS]
            if _is_a_path(snapshot, name)
        ]
    )
    parts += [await _symbol(snapshot, name, budget) for name in symbols[:MOST_MENTIONS]]
    return parts


def file_part(snapshot: Snapshot, raw: str, budget: int) -> Part:
    """The text of a file, or the names in a folder; reads."""
    name = f"@{raw}"
    if (folder := _folder(snapshot, raw)) is not None:
        names = [snapshot.name(path) for path in islice(files(snapshot, folder), _LISTED)]
        return Part(name, f"Files in {raw}:\n" + "\n".join(names))
    found = _looked(snapshot, raw)
    if isinstance(found, Missing) and "/" not in raw:
        found = _by_name(snapshot, raw) or found
    match found:
        case Outside(reason) | Unusable(reason):
            return Part(name, left_out=(f"{raw}: {reason}.",))
        case Missing():
            return Part(name, left_out=(f"{raw}: there is no such file.",))
        case Found(protected=True):
            return Part(name, left_out=(f"{raw} is protected and is not sent.",))
        case Found():
            text = head(found.text, budget)
            cut = f"{raw}: all after its first {budget} bytes." if text != found.text else ""
            shown = f"File: {snapshot.name(found.path)}\n{fenced(text)}"
            return Part(name, shown, (cut,) if cut else ())


def fenced(text: str) -> str:
    """`text` between fences longer than any in it."""
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}\n{text.rstrip(chr(10))}\n{fence}"


def _is_a_path(snapshot: Snapshot, name: str) -> bool:
    """Whether `@name` may mean a file: a decorator or somebody's name may stand there too."""
    return "." in name or "/" in name or not isinstance(_looked(snapshot, name), Missing)


def _looked(snapshot: Snapshot, raw: str) -> Found | Missing | Outside | Unusable:
    """What stands at `raw` in the first root where anything does."""
    found = snapshot.look(raw)
    others = (snapshot.look(str(root / raw)) for root in snapshot.roots[1:])
    if isinstance(found, Missing):
        return next((one for one in others if not isinstance(one, Missing)), found)
    return found


def _folder(snapshot: Snapshot, raw: str) -> Path | None:
    for root in snapshot.roots:
        try:
            path = (root / raw).resolve()
        except (OSError, RuntimeError, ValueError):
            return None
        if path.is_dir() and any(path.is_relative_to(one) for one in snapshot.roots):
            return path
    return None


def _by_name(snapshot: Snapshot, name: str) -> Found | None:
    """The one file of that name, wherever it is."""
    seen = (path for root in snapshot.tops() for path in files(snapshot, root))
    alike = [path for path in islice(seen, _LOOKED_AT) if path.name == name]
    found = snapshot.look(str(alike[0])) if len(alike) == 1 else None
    return found if isinstance(found, Found) else None


async def _symbol(snapshot: Snapshot, symbol: str, budget: int) -> Part:
    """The definitions of a name, at most three."""
    name = f"#{symbol}"
    last = re.split(r"\.|::", symbol)[-1]
    pattern = _DEFINES.replace("{name}", re.escape(last))
    if not snapshot.roots:
        return Part(name, left_out=(f"{symbol}: no workspace folder is open.",))
    matches: list[Match] = []
    for root in snapshot.tops():
        most = _MOST_DEFINITIONS - len(matches)
        matches += (await search(snapshot, Query(pattern, root), most=most)).matches
    shown = await asyncio.to_thread(
        lambda: [
            text
            for one in matches
            if (text := _definition(snapshot, one.path, one.line, budget // _MOST_DEFINITIONS))
        ]
    )
    if not shown:
        return Part(name, left_out=(f"{symbol}: no definition was found.",))
    return Part(name, "\n\n".join(shown))


def _definition(snapshot: Snapshot, path: Path, line: int, budget: int) -> str:
    found = snapshot.look(str(path))
    if not isinstance(found, Found) or found.protected:
        return ""
    language = "python" if PurePosixPath(path).suffix in {".py", ".pyi"} else ""
    lines = enclosing(found.text, LineRange(line - 1, line), language)
    text = head("".join(split_lines(found.text)[lines.start : lines.end]), budget)
    return f"{snapshot.name(path)}, from line {lines.start + 1}:\n{fenced(text)}"


def joined(parts: Iterable[Part]) -> str:
    """The texts of the parts that have one."""
    return "\n\n".join(part.text for part in parts if part.text)
