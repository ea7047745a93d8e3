"""TX4: what is shown is what runs. Everything hidden is made visible, nothing is lost by cutting,
and what was allowed covers exactly what was shown.
"""

from __future__ import annotations

import os
import random
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from codex_lsp.agent.consent.actions import Allowed, RunCommand, covers, fingerprint
from codex_lsp.agent.consent.approvals import EVERY_SCOPE, Question
from codex_lsp.agent.consent.visible import cut, visible
from codex_lsp.lsp.person import approval_text

ROUNDS = int(os.environ.get("CODEX_LSP_TX4_ROUNDS", "10000"))

HIDDEN = [
    *map(chr, range(32)), *map(chr, range(0x7F, 0xA1)), "\u00ad", "\u034f", "\u061c", "\u115f",
    "\u1160", "\u17b4", "\u180e", *map(chr, range(0x2000, 0x2010)), "\u2028", "\u2029", "\u202a",
    "\u202b", "\u202c", "\u202d", "\u202e", "\u202f", "\u205f", "\u2060", "\u2064", "\u2066",
    "\u2067", "\u2068", "\u2069", "\u206f", "\u2800", "\u3000", "\u3164", "\ufe00", "\ufe0f",
    "\ufeff", "\uffa0", "\ufff9", "\ufffb", "\ud800", "\udfff", "\ue000", "\U000e0001",
    *map(chr, range(0xE0020, 0xE0080)), "\U000e0100", "\U000e01ef", "\U0010ffff",
]  # fmt: skip
PLAIN = [
    "make", " ", "rm -rf /", "é", "日本", "😀", "-x", "'", '"', "`", "```", "⟨", "⟩", "⟨U+202E⟩",
    "⟨4 spaces⟩", "\\", "$(x)", "a" * 50, "e\u0301", "<b>", "![](http://x)", "](",
]  # fmt: skip
SPELLED = re.compile(r"⟨(?:U\+([0-9A-F]{4,6})|([0-9]+) spaces)⟩")


def spelled_back(shown: str) -> str:
    """The text that `visible` shows as `shown`."""
    return SPELLED.sub(lambda m: chr(int(m[1], 16)) if m[1] else " " * int(m[2]), shown)


def texts(seed: int) -> Iterator[str]:
    source = random.Random(seed)
    while True:
        parts = [
            source.choice(HIDDEN if source.random() < 0.4 else PLAIN)
            for _ in range(source.randrange(1, 12))
        ]
        if source.random() < 0.02:
            parts.insert(source.randrange(len(parts)), " " * 10_000)
        yield "".join(parts)


def question(action: RunCommand) -> Question:
    return Question(action, (), EVERY_SCOPE)


def test_every_hidden_character_is_spelled_out_and_no_two_texts_look_alike() -> None:
    for _, text in zip(range(ROUNDS), texts(1), strict=False):
        shown = visible(text)
        assert spelled_back(shown) == text
        assert not {unicodedata.category(c) for c in shown} & {"Cc", "Cf", "Cs", "Co", "Cn", "Zl"}
        assert "    " not in shown
        assert not set(shown) & (set(HIDDEN) - {" "})
        assert len(cut(shown, 100)) < 160


def test_the_page_has_every_word_of_the_command_and_cannot_be_broken_out_of() -> None:
    makes = texts(2)
    for number in range(ROUNDS // 10):
        argv = (next(makes), next(makes), next(makes))
        action = RunCommand(argv, Path("/w") / "x", (("A", next(makes)),), reason=next(makes))
        page = approval_text.page(question(action), "Codex: do")
        lines = page.split("\n")
        for at, word in enumerate(argv):
            assert f"{at}: {visible(word)}" in lines, number
        assert f"A={visible(action.environment[0][1])}" in lines
        assert fingerprint(action) in page
        blocks = 0
        while lines:
            if not (fence := re.fullmatch(r"(`{3,})text", lines.pop(0))):
                continue
            end = lines.index(fence[1])
            # A line of as many backticks or more would end the block early.
            assert not [one for one in lines[:end] if re.fullmatch(rf" *{fence[1]}`* *", one)]
            blocks, lines = blocks + 1, lines[end + 1 :]
        assert blocks == 3


def test_a_message_says_how_much_it_leaves_out() -> None:
    action = RunCommand(("bash", "-lc", "true; " + "x" * 5000 + "; rm -rf ~"), Path("/w"))
    message = approval_text.message(question(action), "Codex: do")
    assert "more characters" in message
    assert "rm -rf ~" in message  # the end is where the harm would hide
    assert len(message) < 2000


def test_a_swap_between_show_and_run_is_noticed() -> None:
    source, makes = random.Random(3), texts(3)
    shown = RunCommand(("bash", "-lc", "make"), Path("/w"), (("A", "b"),), "bubblewrap")
    allowed = Allowed(fingerprint(shown))
    assert covers(allowed, replace(shown, reason="other words"))
    assert covers(allowed, replace(shown))
    for _ in range(ROUNDS):
        text = next(makes)
        swapped = source.choice(
            [
                replace(shown, argv=(*shown.argv[:-1], text)),
                replace(shown, argv=(*shown.argv, text)),
                replace(shown, argv=(" ".join(shown.argv), text)),
                replace(shown, cwd=Path("/w") / f"x{len(text)}"),
                replace(shown, environment=(("A", text + "b"),)),
                replace(shown, environment=((text, "b"), ("A", "b"))),
                replace(shown, confinement=""),
                replace(shown, confinement=text),
                replace(shown, network=True),
            ]
        )
        assert not covers(allowed, swapped) or swapped == shown


def test_words_cannot_be_joined_or_split_without_notice() -> None:
    one = RunCommand(("a b", "c"), Path("/w"))
    other = RunCommand(("a", "b c"), Path("/w"))
    assert fingerprint(one) != fingerprint(other)
    assert approval_text.headline(question(one)) != approval_text.headline(question(other))
