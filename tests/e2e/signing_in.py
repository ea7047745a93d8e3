"""Signs in as a newcomer does, by `codex-lsp login`, at a stand-in for the sign-in service.

The person opens the address that the program prints, and their browser comes back to the program;
or they let the code of `--device-auth` through. Who asks the model then brings that sign-in along.
"""

from __future__ import annotations

import asyncio
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from tests.doubles.authority import Authority, serving
from tests.doubles.minted import ALICE
from tests.e2e.scene import Scene

WAYS: dict[str, list[str]] = {"browser": [], "code": ["--device-auth"]}
_DESKTOP = ("BROWSER", "DISPLAY", "WAYLAND_DISPLAY")  # no other browser takes part


@asynccontextmanager
async def at_openai(here: Scene) -> AsyncIterator[tuple[Scene, Authority]]:
    """The scene where nobody is signed in, and the model is behind the sign-in of an authority."""
    authority = Authority()
    authority.device_answers = ["pending"]
    config = Path(here.env["CODEX_HOME"]) / "config.toml"
    config.write_text(f'openai_base_url = "{here.model.base_url}"\n')
    async with serving(authority) as url:
        env = {key: value for key, value in here.env.items() if key not in _DESKTOP}
        env["CODEX_APP_SERVER_LOGIN_ISSUER"] = url
        env["CODEX_REFRESH_TOKEN_URL_OVERRIDE"] = f"{url}/oauth/token"
        yield replace(here, env=env), authority


async def sign_in(here: Scene, way: str) -> None:
    """`codex-lsp login` and what the person does, in one of the `WAYS`."""
    program = await asyncio.create_subprocess_exec(
        "codex-lsp", "login", *WAYS[way], env=here.env, stdout=asyncio.subprocess.PIPE
    )
    assert program.stdout is not None
    said = ""
    async for line in program.stdout:
        said += line.decode()
        if line.startswith(b"http"):
            page = await asyncio.to_thread(opened, line.decode().strip())
            assert "You are signed in" in page
    assert await program.wait() == 0
    assert f"as {ALICE.email}" in said, said


def opened(address: str) -> str:
    """The page that a browser ends up with."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(address, timeout=60) as page:
        return str(page.read().decode())


def brought(here: Scene, authority: Authority) -> None:
    """Fail unless all that was asked of the model came with a sign-in that the authority knows."""
    asked = [request.headers["authorization"] for request in here.model.requests]
    assert asked
    assert all(authority.accepts(bearer.removeprefix("Bearer ")) for bearer in asked)
