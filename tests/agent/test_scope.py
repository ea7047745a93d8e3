from __future__ import annotations

import pytest

from codex_lsp.agent.context import grammars
from codex_lsp.agent.context.excerpt import excerpt
from codex_lsp.agent.context.lines import LineRange, split_lines
from codex_lsp.agent.context.scope import enclosing

PYTHON = '''\
import os
from sys import path

LIMIT = 3


class Store:
    """Keeps things."""

    @property
    def size(self):
        return len(self.items)

    def add(self, item):
        check(item)
        if item:
            self.items.append(item)


def check(item):
    """Raise for a bad item."""
    raise ValueError(item)


def unused():
    pass
'''

GO = """\
package main

import "fmt"

// Area says how big.
func Area(r float64) float64 {
\tif r < 0 {
\t\treturn 0
\t}
\treturn r
}

func main() {
\tfmt.Println(Area(2))
}
"""

JAVASCRIPT = """\
import fs from "fs";

export class Store {
  add(item) {
    if (item) {
      this.items.push(item);
    }
  }
}

const twice = (x) => {
  return x + x + 1;
};
"""

RUBY = """\
class Store
  def add(item)
    @items << item
  end

  def size
    @items.size
  end
end
"""


def shown(text: str, line: int, language: str) -> str:
    lines = enclosing(text, LineRange(line, line + 1), language)
    return "".join(split_lines(text)[lines.start : lines.end])


@pytest.mark.parametrize(
    ("text", "language", "needle", "first", "last"),
    [
        (PYTHON, "python", "self.items.append", "    def add(self, item):", "append(item)"),
        (PYTHON, "python", "return len", "    @property", "len(self.items)"),
        (PYTHON, "python", '"""Keeps', "class Store:", "append(item)"),
        (PYTHON + "\nbroken = (\n", "python", "raise Val", "def check(item):", "(item)"),
        (GO, "go", "return 0", "// Area says", "}"),
        (GO, "go", "Println", "func main() {", "}"),
        (JAVASCRIPT, "javascript", "push", "  add(item) {", "  }"),
        (JAVASCRIPT, "javascript", "x + x", "const twice", "};"),
        (RUBY, "ruby", "@items.size", "  def size", "  end"),
    ],
)
def test_the_smallest_definition_around_a_line_is_found(
    text: str, language: str, needle: str, first: str, last: str
) -> None:
    line = next(at for at, row in enumerate(split_lines(text)) if needle in row)
    found = shown(text, line, language).splitlines()
    assert found[0].startswith(first)
    assert found[-1].endswith(last)


def test_a_line_in_no_definition_gets_its_surroundings() -> None:
    assert "LIMIT = 3" in shown(PYTHON, 3, "python")


@pytest.mark.parametrize("language", ["python", "go", "", "no-such-language"])
@pytest.mark.parametrize(
    "text", ["", "\n", "x", "}\n}\n{", "(", "\ufeffdef f():\n  pass", "\x0c\r"]
)
@pytest.mark.parametrize("line", [0, 1, 99])
def test_no_text_is_too_odd(text: str, language: str, line: int) -> None:
    lines = enclosing(text, LineRange(line, line + 1), language)
    assert 0 <= lines.start <= max(lines.end, 0)


def test_an_excerpt_brings_imports_and_signatures_that_are_used() -> None:
    cut = excerpt(PYTHON, LineRange(14, 15), "python")
    assert cut.text.startswith("    def add")
    assert cut.imports == "import os\nfrom sys import path\n"
    assert "def check(item):" in cut.signatures
    assert "Raise for a bad item" in cut.signatures
    assert "unused" not in cut.signatures


SHOP = '''\
LIMIT = 3
RATES: dict[str, int] = {}
OTHER = 4


class Shop(Base):
    """Sells."""

    def total(self, items):
        found = 0

        def add(item):
            nonlocal found
            found += item * LIMIT + RATES[item]

        for item in items:
            add(item)
        return found
'''


def test_a_function_inside_another_comes_with_the_outer_one_its_class_and_its_constants() -> None:
    cut = excerpt(SHOP, LineRange(13, 14), "python")
    assert cut.text.startswith("    def total(self, items):")
    assert cut.text.endswith("        return found\n")
    assert cut.signatures == (
        'LIMIT = 3\nRATES: dict[str, int] = {}\nclass Shop(Base):\n    """Sells."""\n'
    )


def test_a_piece_of_a_long_function_comes_with_its_head() -> None:
    text = "def f(a,\n      b):\n" + "".join(f"    x{n} = a + {n}\n" for n in range(300))
    cut = excerpt(text, LineRange(250, 251), "python")
    assert cut.lines.start > 2
    assert cut.signatures == "def f(a,\n      b):\n"


def test_an_excerpt_of_another_language_brings_its_imports() -> None:
    cut = excerpt(GO, LineRange(13, 14), "go")
    assert 'import "fmt"' in cut.imports
    assert "func Area" in cut.signatures


@pytest.mark.parametrize("budget", [1_000, 3_000, 10_000])
def test_an_excerpt_keeps_to_its_budget_and_to_the_place(budget: int) -> None:
    body = "".join(f"    x{n} = helper{n}({n})\n" for n in range(2_000))
    helpers = "".join(f"def helper{n}(a):\n    return a\n\n\n" for n in range(200))
    text = f"import os\n\n\n{helpers}def f():\n{body}"
    place = LineRange(1_500, 1_501)
    cut = excerpt(text, place, "python", budget=budget)
    size = sum(len(part.encode()) for part in (cut.text, cut.imports, cut.signatures))
    assert size <= budget
    assert split_lines(text)[1_500] in cut.text


def test_a_file_too_large_to_parse_is_scanned() -> None:
    text = PYTHON + "x = 1\n" * 40_000
    line = next(at for at, row in enumerate(split_lines(text)) if "raise" in row)
    assert shown(text, line, "python").startswith("def check(item):")
    assert "import os" in excerpt(text, LineRange(line, line + 1), "python").imports


def test_the_whole_file_is_taken_where_that_is_asked_for_and_fits() -> None:
    assert excerpt(GO, LineRange(0, 1), "go", whole=True).text == GO
    assert excerpt(GO, LineRange(0, 1), "go", whole=True, budget=50).text != GO


GRAMMATICAL = {
    "javascript": ("const f = {\n  add(a,\n      b) {\n    return a - b\n  },\n}\n", 1, 5),
    "typescript": ("class A {\n  add<T>(a: T):\n    T {\n    return a\n  }\n}\n", 1, 5),
    "typescriptreact": ("function A() {\n  return (\n    <b>x</b>\n  )\n}\n", 0, 5),
    "go": ("package p\n\nfunc (s *S) Add(\n\ta int,\n) int {\n\treturn a\n}\n", 2, 7),
    "rust": ("impl A {\n    fn add(\n        a: i32,\n    ) -> i32 {\n        a\n    }\n}\n", 1, 6),
}


@pytest.mark.parametrize("language", GRAMMATICAL)
def test_an_installed_grammar_finds_what_a_scan_would_miss(language: str) -> None:
    text, start, end = GRAMMATICAL[language]
    inner = end - 2
    assert grammars.definitions(text, LineRange(inner, inner + 1), language) is not None
    assert enclosing(text, LineRange(inner, inner + 1), language) == LineRange(start, end)


def test_a_language_without_grammar_is_scanned() -> None:
    assert grammars.definitions(RUBY, LineRange(2, 3), "ruby") is None
    assert grammars.definitions("x", LineRange(0, 1), "../evil") is None
