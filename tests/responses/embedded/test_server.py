"""The embedded model for real: its process, its wire, and its end. Asserts on form, not on wit."""

from __future__ import annotations

import asyncio
import dataclasses
import importlib.util
import sys
from pathlib import Path

import pytest

from codex_lsp.agent.conversation import AssistantMessage, Message, ModelRequest
from codex_lsp.agent.events import (
    Completed,
    ItemDone,
    Misconfigured,
    ModelEvent,
    NotSignedIn,
    TextDelta,
    Unreachable,
)
from codex_lsp.agent.small.repair import write_prompt
from codex_lsp.agent.small.replacement import Unusable, is_whole, read_answer
from codex_lsp.auth.tokens import Secret
from codex_lsp.responses.bearer import FixedKey
from codex_lsp.responses.body import Style
from codex_lsp.responses.client import Identity, ResponsesModel
from codex_lsp.responses.embedded.server import open_completion, serving
from codex_lsp.responses.providers import Provider
from tests.responses.embedded.needs import require_runtime, require_toy

FAULTY = 'def area(w, h):\n    """The area of a rectangle."""\n    return w + h\n'


async def ask(provider: Provider, text: str) -> list[ModelEvent]:
    identity = Identity("codex_lsp_tests", "codex_lsp_tests/0")
    model = ResponsesModel(provider, None, identity, style=Style(temperature=0.0))
    try:
        request = ModelRequest("conversation", "turn", "", (Message("user", text),))
        return [event async for event in model.stream(request)]
    finally:
        await model.aclose()


@pytest.mark.timeout(300)
async def test_a_real_model_answers_over_the_wire_of_every_provider() -> None:
    async with serving(require_toy()) as provider:
        events = await ask(provider, "Say hello in one short sentence.")
        stranger = dataclasses.replace(provider, key=FixedKey(Secret("guess"), "a guess"))
        with pytest.raises(NotSignedIn):
            await ask(stranger, "Say hello.")
    deltas = [event.text for event in events if isinstance(event, TextDelta)]
    items = [event.item for event in events if isinstance(event, ItemDone)]
    assert len(deltas) > 1
    assert [type(item) for item in items] == [AssistantMessage]
    assert isinstance(items[0], AssistantMessage)
    assert items[0].text == "".join(deltas)
    assert isinstance(events[-1], Completed)
    assert events[-1].usage is not None
    assert events[-1].usage.output_tokens > 1


@pytest.mark.timeout(300)
async def test_the_short_flow_gets_a_code_block_and_stops_the_chatter() -> None:
    prompt = write_prompt(FAULTY, "area(3, 4) returned 7, expected 12", "python")
    async with open_completion(require_toy()) as complete:
        answers = [await complete(prompt, 0.0), await complete(prompt, 0.4)]
    for answer in answers:
        assert is_whole(answer)
        assert answer.endswith("```")
        read = read_answer(answer, FAULTY, "python")
        assert isinstance(read, Unusable) or read.startswith("def area(w, h):")


OWNER = """
import asyncio, sys
from pathlib import Path
from codex_lsp.responses.embedded.server import serving
async def main():
    async with serving(Path(sys.argv[1])) as provider:
        print(provider.base, flush=True)
        await asyncio.Event().wait()
asyncio.run(main())
"""


@pytest.mark.timeout(300)
async def test_the_child_ends_when_its_owner_is_killed() -> None:
    owner = await asyncio.create_subprocess_exec(
        sys.executable, "-c", OWNER, str(require_toy()), stdout=asyncio.subprocess.PIPE
    )
    assert owner.stdout is not None
    base = (await owner.stdout.readline()).decode().strip()
    port = int(base.removesuffix("/v1").rpartition(":")[2])
    assert await listens(port)
    owner.kill()
    await owner.wait()
    async with asyncio.timeout(60):
        while await listens(port):  # noqa: ASYNC110 - another process's end is no event here
            await asyncio.sleep(0.05)


async def listens(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.close()
        await writer.wait_closed()
    except ConnectionError:
        return False
    return True


@pytest.mark.timeout(300)
async def test_a_file_that_does_not_load_is_said_in_words(tmp_path: Path) -> None:
    require_runtime()
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(b"GGUF and then nothing of the kind")
    with pytest.raises(Unreachable, match="codex-lsp local remove broken"):
        async with serving(broken):
            pytest.fail("nothing can be served from this")


async def test_without_a_model_the_way_to_one_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(Misconfigured, match="codex-lsp local fetch"):
        async with open_completion():
            pytest.fail("there is nothing to ask")


async def test_without_the_extra_the_way_to_it_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(Misconfigured, match=r"pip install 'codex-lsp\[local\]'"):
        async with serving(tmp_path / "any.gguf"):
            pytest.fail("there is nothing to serve with")


async def test_the_folder_we_run_in_shadows_no_import_of_the_child(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    require_runtime()
    trap = "import pathlib; pathlib.Path(__file__).with_name('sprung').touch()\n"
    for name in ("xllamacpp", "json", "http"):
        (tmp_path / f"{name}.py").write_text(trap)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(Unreachable):
        async with serving(tmp_path / "absent.gguf"):
            pytest.fail("there is no such file")
    assert not (tmp_path / "sprung").exists()
