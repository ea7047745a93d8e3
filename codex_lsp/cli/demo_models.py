"""Who answers in the demo: a sign-in, a model server on this machine, the embedded toy, or, only
when asked for, a script. Looks, and asks nothing of anyone but loopback.
"""

from __future__ import annotations

import importlib.util
import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from codex_lsp.auth.errors import AuthError
from codex_lsp.cli.bar import progress_bar
from codex_lsp.cli.credentials import open_credentials
from codex_lsp.config import layers
from codex_lsp.config.home import BadHome, codex_home
from codex_lsp.responses.embedded.fetch import fetch
from codex_lsp.responses.embedded.weights import SMOLLM2, WeightsError, folder, kept
from codex_lsp.responses.local_servers import USUAL_PORTS, detect_local_servers


@dataclass(frozen=True, slots=True)
class Answerer:
    """Whoever answers, in a sentence, and what makes `serve` ask it; `epilogue` goes last."""

    said: str
    options: tuple[str, ...] = ()
    environ: Mapping[str, str] = field(default_factory=dict)
    epilogue: str = ""


_TOY = """\
This was a toy: SmolLM2, with 135 million parameters, mends about half of such one-line bugs (see
docs/local-models.md). It saw one function and one error, five tries at most, and nothing else.
The real model sees more of your code, changes more than one function, and explains."""


async def choose(ports: Sequence[tuple[str, int]] = USUAL_PORTS) -> Answerer | None:
    """The best model that is there already; None if only the embedded one is left."""
    return await _configured() or await _local_server(ports)


async def _configured() -> Answerer | None:
    try:
        config = layers.read(codex_home())
        if config.model_provider not in (None, "openai", "embedded"):
            return Answerer(f"your config.toml names the provider {config.model_provider}")
        source = open_credentials(config)
        try:
            status = await source.status()
        finally:
            await source.aclose()
    except (AuthError, BadHome):
        return None
    match status.kind:
        case "chatgpt":
            who = f"you are signed in with ChatGPT as {status.email or 'someone'}"
        case "apiKey":
            who = "there is an API key"
        case "other" | "none":
            return None
    return Answerer(f"{who}; OpenAI's model answers", ("--provider", "openai"))


async def _local_server(ports: Sequence[tuple[str, int]]) -> Answerer | None:
    found = next(iter(await detect_local_servers(ports)), None)
    if found is None:
        return None
    # Codex's own variable for a local server's address; it fits every server of this kind.
    return Answerer(
        f"{found.name} runs on this machine; its {found.models[0]} answers",
        ("--provider", "ollama", "--model", found.models[0]),
        {"CODEX_OSS_BASE_URL": found.base},
    )


def embedded() -> Answerer:
    """The model on this machine, fetched if there is none; raises `WeightsError`."""
    if importlib.util.find_spec("xllamacpp") is None:
        raise WeightsError(
            "The embedded model needs one more package: `pip install 'codex-lsp[local]'`, or, "
            "with pipx, `pipx inject codex-lsp xllamacpp`. Or sign in: codex-lsp login"
        )
    place = folder()
    if not kept(place):
        with progress_bar() as show:
            fetch(place, show)
    name = kept(place)[0].stem
    return Answerer(
        f"the embedded model {name} answers, on this machine",
        ("--provider", "embedded"),
        epilogue=_TOY if name == SMOLLM2.name else "",
    )


@contextmanager
def replaying(patch: str) -> Iterator[Answerer]:
    """A server on loopback whose every answer is `patch`: a script, no model."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.end_headers()
            self.wfile.write(_script(patch))

        def log_message(self, *_: object) -> None:
            pass  # the demo's own words are enough

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        answerer = Answerer(
            "a script replays one prepared answer: there is NO model behind it",
            ("--provider", "ollama", "--model", "replay"),
            {"CODEX_OSS_BASE_URL": f"http://127.0.0.1:{server.server_port}/v1"},
            "This was a replay: the edit was real, the answer was prepared. No model was asked.",
        )
        try:
            yield answerer
        finally:
            server.shutdown()


def _script(patch: str) -> bytes:
    call = {
        "type": "function_call",
        "id": "call_1",
        "call_id": "call_1",
        "name": "apply_patch",
        "arguments": json.dumps({"input": patch}),
    }
    events = (
        {"type": "response.created", "response": {"id": "replay"}},
        {"type": "response.output_item.done", "output_index": 0, "item": call},
        {"type": "response.completed", "response": {"id": "replay", "output": [call]}},
    )
    return b"".join(b"data: %b\n\n" % json.dumps(event).encode() for event in events)
