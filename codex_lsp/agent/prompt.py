"""Everything that we say to the model, in one place and in our own words.

Stable text comes first and the changing part last, so that a provider's prompt cache can help.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from codex_lsp.agent.context.excerpt import Excerpt

EDITING = """\
You are Codex, at work inside a person's text editor. You are shown part of a file as it stands in \
the editor now, unsaved changes included, and a request about it.

Answer with one call of apply_patch that does what is asked, and nothing more:
- Keep to the request. Leave alone what it does not touch: formatting, names, comments, other bugs.
- Follow the style of the code around it. Add no comment that only says what you changed.
- Take context lines for the patch from the text that you were shown, letter by letter.
- Mend the cause. Do not silence a checker or a test to make a message go away.
- If what you were shown is not enough, call read_file first.
- If nothing should be changed, say why in one or two sentences instead of patching.
"""

EXPLAINING = """\
You are Codex, at work inside a person's text editor. You are shown part of a file as it stands in \
the editor now, unsaved changes included, and a question about it.

Answer in Markdown, briefly and to the point: first the answer, then what it rests on. Refer to \
places as path:line. Call read_file when you need to see more. You cannot change files here; show \
code in a fenced block where it helps. Use no images and no HTML.
"""

DOING = """\
You are Codex, at work inside a person's text editor, on a job that they gave you. Do it to the \
end, then say in a few sentences what you did and what the person should know. Use only the tools \
that you are given.

- Look before you change: read what the job touches. Files are shown as they stand in the editor \
now, unsaved changes included, and the person may go on typing while you work.
- Change files with apply_patch only, in small steps that each make sense. Take context lines from \
text that you have read, letter by letter. When a patch is refused, you are told why and how the \
text stands now.
- Keep to the job. Leave alone what it does not touch. Follow the style of the code around it, and \
mend causes rather than messages: silence no checker and no test.
- Where commands can be run, check your work with the project's own tests or tools. Where they \
cannot, say what you have not checked.
- For a job of several steps, say with update_plan what you mean to do and keep it up to date. For \
a small one, do without.
- Decide small things yourself. Ask the person only where you cannot go on without their word.
- If something is refused by the person, find another way or stop and say so; do not work around it.
- The last message is what the person reads: Markdown, short, places as path:line, no images.
"""

COMPACTING = """\
This conversation is about to be shortened: of all that was said and done, only your next message \
will be left, beside the person's own words. Write for whoever goes on with the work, who knows \
nothing of it. Call no tool. Say, briefly:
- what the person wants, with every wish and limit they named, also those that came later;
- what has been done, file by file, and what was found out on the way that is worth knowing;
- what was tried and did not work, and why;
- where the work stands now, what is unfinished, and what comes next.
Name paths, functions and commands exactly. Quote code only where the words would be longer.
"""

_SUMMARY = """\
The conversation was longer than this: what was said and done before is summed up here, by the one \
who did it. Go on from there. Files may have changed since; look before you change them.
"""


def summary(text: str) -> str:
    """What stands in for the part of a conversation that was cut away."""
    return f"{_SUMMARY}\n{text or '(There is no summary: read the files anew.)'}"


@dataclass(frozen=True, slots=True)
class Problem:
    """A diagnostic as the editor reported it; `line` counts from 1."""

    message: str
    line: int
    severity: str = "error"
    source: str = ""
    code: str = ""
    related: tuple[str, ...] = ()


def context(path: str, language: str, excerpt: Excerpt) -> str:
    """The part of the file that the request is about."""
    lines = excerpt.lines
    whole = lines.start == 0 and lines.end == excerpt.total_lines
    extent = (
        "the whole file"
        if whole
        else f"lines {lines.start + 1} to {lines.end} of {excerpt.total_lines}"
    )
    parts = [f"File: {path}" + (f" ({language})" if language else "")]
    if excerpt.imports:
        parts.append(f"Its imports:\n{_fenced(excerpt.imports)}")
    if excerpt.signatures:
        parts.append(f"Defined elsewhere in it, and used below:\n{_fenced(excerpt.signatures)}")
    parts.append(f"The text, {extent}:\n{_fenced(excerpt.text)}")
    return "\n\n".join(parts)


def problems(found: Sequence[Problem]) -> str:
    """The diagnostics, one a line, with what they relate to."""
    lines = []
    for problem in found:
        origin = " ".join(part for part in (problem.source, problem.code) if part)
        lines.append(
            f"line {problem.line}: {problem.severity}: {problem.message}"
            + (f" [{origin}]" if origin else "")
        )
        lines += [f"  see {place}" for place in problem.related]
    return "\n".join(lines)


def fix(found: Sequence[Problem], line: int) -> str:
    """The request to mend what was reported, or, where nothing was, what is wrong at the cursor."""
    if not found:
        return (
            f"Something is wrong near line {line}. The editor passed on no diagnostic, so find the "
            "fault in the text above and mend it."
        )
    noun = "this problem" if len(found) == 1 else f"these {len(found)} problems"
    return f"Mend {noun}:\n{problems(found)}"


def edit(wish: str, first: int, last: int) -> str:
    """The request to change the selected lines (counted from 1, inclusive)."""
    where = f"line {first}" if first == last else f"lines {first} to {last}"
    return f"Change {where}: {wish}"


REQUEST_MARK = "## My request for Codex:"
"""What Codex's own clients put between an editor's context and the person's words."""

PRESETS = {
    "simplify": "make this code simpler and easier to read without changing what it does.",
    "types": "add precise type annotations, without changing what the code does.",
    "errors": "handle the errors that can happen here, in the way this code base handles errors.",
    "perf": "make this faster without changing its results.",
    "document": "write the documentation comment that this definition should have, in the form "
    "that is usual for the language. Change no code.",
    "tests": "write tests for this in the test framework that the project uses; put them in the "
    "test file that would usually hold them, adding the file if there is none.",
    "todo": "do what the TODO or FIXME comment here asks for, and take the comment out.",
}


def explain(found: Sequence[Problem], first: int, last: int) -> str:
    """The question what is going on, about a problem or about some lines."""
    if found:
        return f"Explain this problem, its cause and how to mend it:\n{problems(found)}"
    where = f"line {first}" if first == last else f"lines {first} to {last}"
    return f"Explain {where}."


def job(wish: str, lines: tuple[int, int] | None) -> str:
    """The request to do something; `lines` (from 1, inclusive) is where the person is."""
    if lines is None:
        return wish
    first, last = lines
    where = f"line {first}" if first == last else f"lines {first} to {last}"
    return f"The person is at {where}.\n\n{REQUEST_MARK}\n{wish}"


EXPLAIN_CHANGE = "Explain that change: what it does, why, and what could go wrong with it."


def about_change(diff: str, asked: str) -> str:
    """What a request about an earlier change says of it; `asked`: what had been asked for then."""
    before = f"Asked for this earlier:\n{asked}\n\n" if asked else ""
    return f"{before}You suggested this change:\n{_fenced(diff)}"


def left_out(diff: str) -> str:
    """What a conversation is told when its turn is over, and the person did not take all of it."""
    return f"The person left these changes out; they are not made:\n{_fenced(diff)}"


def redo_change(note: str, change: str) -> str:
    """What an edit shall do that takes the place of an earlier one; see `about_change`."""
    return (
        f"do what you suggested before, but as the person says now: {note}\n\n{change}\n\n"
        "That change was not made: patch the text as it stands, and only in that change's place."
    )


def _fenced(text: str) -> str:
    """`text` between fences longer than any that it holds."""
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}\n{text.rstrip(chr(10))}\n{fence}"
