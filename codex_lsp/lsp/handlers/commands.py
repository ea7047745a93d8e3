"""The commands. Each checks its argument, starts a task and answers `{taskId}` at once.

None of them waits for the model: Emacs would freeze, and Helix would give up, while it did.
"""

from __future__ import annotations

from collections.abc import Sequence

from codex_lsp.agent import prompt
from codex_lsp.agent.requests import Edit, Explain, Fix, FixAll, Place, Question
from codex_lsp.lsp.connection.server import Server
from codex_lsp.lsp.diagnostics import problems, touching
from codex_lsp.lsp.person.messages import say
from codex_lsp.lsp.small import repairing
from codex_lsp.lsp.targets import BadArguments, Target, find, parse_target
from codex_lsp.lsp.tasks import Work
from codex_lsp.lsp.work import answering, asking_first, changing

Reply = dict[str, object]


def fix(server: Server, arguments: Sequence[object] | None) -> Reply:
    """`codex.fix`: mend the given diagnostics, those at the place, or whatever is wrong there."""
    bench, target = server.bench, parse_target(arguments)
    document, place = find(bench, target)
    given = target.diagnostics
    if given is None:
        given = touching(bench.diagnostics.known(document.uri), place.lines)
    wish, small = Fix(problems(given)), bench.adapters.small
    if small is not None:
        work = repairing(bench, place, wish, small)
    else:
        work = changing(bench, place, wish, "Codex: fix")
    return _started(server, f"Codex: fix {place.path.name}", work)


def fix_all(server: Server, arguments: Sequence[object] | None) -> Reply:
    """`codex.fixAll`: mend every diagnostic of the file."""
    bench, target = server.bench, parse_target(arguments)
    document, place = find(bench, target)
    given = target.diagnostics
    if given is None:
        given = bench.diagnostics.known(document.uri)
    if not given:
        raise BadArguments("No problem of this file is known here: pass its diagnostics along.")
    work = changing(bench, place, FixAll(problems(given)), "Codex: fix all")
    return _started(server, f"Codex: fix all in {place.path.name}", work)


def edit(server: Server, arguments: Sequence[object] | None) -> Reply:
    """`codex.edit`: change the lines by a preset or as the prompt says; asks for one if none."""
    bench, target = server.bench, parse_target(arguments)
    _, place = find(bench, target)
    if target.preset is not None:
        if target.preset not in prompt.PRESETS:
            raise BadArguments(f'"preset" has to be one of: {", ".join(sorted(prompt.PRESETS))}.')
        return _edit_by(server, place, prompt.PRESETS[target.preset], target.preset)
    name = place.path.name
    if target.prompt is not None:
        return _edit_by(server, place, target.prompt, "edit")

    def then(wish: str) -> Work:
        return changing(bench, place, Edit(wish), "Codex: edit")

    heading = f"What should Codex change in {name}, {_span(place)}?"
    return _started(server, f"Codex: edit {name}", asking_first(bench, heading, then))


def document(server: Server, arguments: Sequence[object] | None) -> Reply:
    """`codex.document`: write the documentation of the definition at the place."""
    return _preset(server, arguments, "document")


def tests(server: Server, arguments: Sequence[object] | None) -> Reply:
    """`codex.tests`: write tests for the definition at the place."""
    return _preset(server, arguments, "tests")


def implement_todo(server: Server, arguments: Sequence[object] | None) -> Reply:
    """`codex.implementTodo`: do what the comment at the place asks for."""
    return _preset(server, arguments, "todo")


def explain(server: Server, arguments: Sequence[object] | None) -> Reply:
    """`codex.explain`: say what a problem, or the code at the place, is about."""
    bench, target = server.bench, parse_target(arguments)
    found, place = find(bench, target)
    given = target.diagnostics
    if given is None:
        given = touching(bench.diagnostics.known(found.uri), place.lines)
    title = f"{place.path.name}, {_span(place)}"
    work = answering(bench, place, Explain(problems(given)), title)
    return _started(server, f"Codex: explain {place.path.name}", work)


def ask(server: Server, arguments: Sequence[object] | None) -> Reply:
    """`codex.ask`: answer the prompt about the place; asks for one if none."""
    bench, target = server.bench, parse_target(arguments)
    _, place = find(bench, target)
    name = place.path.name

    def then(question: str) -> Work:
        return answering(bench, place, Question(question), question)

    heading = f"What do you want to know about {name}, {_span(place)}?"
    work = asking_first(bench, heading, then) if target.prompt is None else then(target.prompt)
    return _started(server, f"Codex: ask about {name}", work)


def task_list(server: Server, _arguments: Sequence[object] | None) -> list[Reply]:
    """`codex.task.list`: the running and the last ended tasks."""
    return server.bench.tasks.describe()


def task_cancel(server: Server, arguments: Sequence[object] | None) -> Reply:
    """`codex.task.cancel`: cancel the task `taskId`, or every one if none is named."""
    tasks, target = server.bench.tasks, parse_target(arguments)
    if target.task_id is not None:
        return {"ok": tasks.cancel(target.task_id)}
    running = tasks.running()
    tasks.cancel_all()
    if not running:
        message = "Codex: nothing runs that could be stopped."
        say(server, message)
    return {"ok": bool(running)}


def _preset(server: Server, arguments: Sequence[object] | None, preset: str) -> Reply:
    target: Target = parse_target(arguments)
    _, place = find(server.bench, target)
    return _edit_by(server, place, prompt.PRESETS[preset], preset)


def _edit_by(server: Server, place: Place, wish: str, name: str) -> Reply:
    work = changing(server.bench, place, Edit(wish), f"Codex: {name}")
    return _started(server, f"Codex: {name} in {place.path.name}", work)


def _started(server: Server, title: str, work: Work) -> Reply:
    return {"taskId": server.bench.tasks.start(title, work).id}


def _span(place: Place) -> str:
    first, last = place.lines.start + 1, max(place.lines.end, place.lines.start + 1)
    return f"line {first}" if first == last else f"lines {first} to {last}"
