"""The commands about jobs: to give one, to add to it, to go on from it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from codex_lsp.agent.thread import Thread
from codex_lsp.agent.workplace import Place
from codex_lsp.lsp.connection.server import Server
from codex_lsp.lsp.jobs import doing, resuming, steering
from codex_lsp.lsp.person.messages import say
from codex_lsp.lsp.person.words import shortened
from codex_lsp.lsp.targets import BadArguments, Target, find, parse_target
from codex_lsp.lsp.tasks import Job, Work
from codex_lsp.lsp.work import asking_first
from codex_lsp.lsp.workbench import Workbench

Reply = dict[str, object]
Arguments = Sequence[object] | None


def do(server: Server, arguments: Arguments) -> Reply:
    """`codex.do`: a job, or with `taskId` the next one in its conversation; asks for it if none.

    While that conversation's last job runs, the next one waits for it (`queue`) or, without, runs
    beside it from what was said so far.
    """
    bench, target = server.bench, parse_target(arguments)
    place = _place(bench, target)
    job = Job(_thread(bench, target))

    def then(wish: str) -> Work:
        return doing(bench, job, wish, place)

    return _begun(bench, job, target.prompt, then, "What should Codex do?")


def steer(server: Server, arguments: Arguments) -> Reply:
    """`codex.task.steer` `{taskId, prompt}`: add to the running job, or to the newest one."""
    bench, target = server.bench, parse_target(arguments)
    running = [task for task in bench.tasks.running() if task.job is not None]
    if target.task_id is not None:
        known = _known(bench, target.task_id)
        running = [task for task in running if task.job is known]
    job = running[-1].job if running else None
    if job is None:
        message = "Codex: no job runs that could hear it."
        say(bench.wire, message)
        return {"ok": False}
    if target.prompt is None:
        work = asking_first(bench, "What should Codex heed from now on?", steering(job))
        return {"ok": True, "taskId": bench.tasks.start("Codex: add to the job", work).id}
    return {"ok": job.inbox.put(target.prompt)}


def resume(server: Server, arguments: Arguments) -> Reply:
    """`codex.thread.resume` `{threadId, prompt}`: go on from a conversation that was kept, by us or
    by Codex; from the newest of this folder where none is named.
    """
    bench, target = server.bench, parse_target(arguments)
    archive = bench.adapters.archive
    if archive is None:
        raise BadArguments("No conversations are kept here (history.persistence in config.toml).")
    place = _place(bench, target)
    job = Job(Thread())

    def then(wish: str) -> Work:
        return resuming(bench, job, wish, place, archive, target.thread_id)

    return _begun(bench, job, target.prompt, then, "How should Codex go on?")


def _begun(
    bench: Workbench, job: Job, wish: str | None, then: Callable[[str], Work], question: str
) -> Reply:
    """Start the job, or a page that asks for it first."""
    title = "Codex: a job" if wish is None else f"Codex: {shortened(wish)}"
    work = asking_first(bench, question, then) if wish is None else then(wish)
    return {"taskId": bench.tasks.start(title, work, job=job).id}


def _place(bench: Workbench, target: Target) -> Place | None:
    """Where the job is about; where a conversation goes on, only what is named counts."""
    named = target.uri is not None or target.path is not None
    goes_on = target.task_id is not None or target.thread_id is not None
    if named or (not goes_on and bench.last is not None):
        return find(bench, target)[1]
    if not bench.roots:
        raise BadArguments('Name a file: {"prompt": "…", "path": "src/main.py"}.')
    return None


def _thread(bench: Workbench, target: Target) -> Thread:
    """The conversation that the job belongs to."""
    running = [task.job.thread for task in bench.tasks.running() if task.job]
    if target.task_id is not None:
        thread = _known(bench, target.task_id).thread
        return thread if target.queue or thread not in running else thread.fork()
    return running[-1] if target.queue and running else Thread()


def _known(bench: Workbench, task_id: str) -> Job:
    task = bench.tasks.find(task_id)
    if task is None or task.job is None:
        raise BadArguments(
            f"No job is remembered as {task_id}: codex.task.list shows those that are."
        )
    return task.job
