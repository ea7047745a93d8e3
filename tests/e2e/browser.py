"""Drives a real headless Chromium: keys and clicks as from a person, JavaScript to look at a page.

It speaks the DevTools protocol over two pipes, so that it needs no port and no library. It waits
for states, not for time.
"""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
import os
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

DEADLINE = 60.0  # seconds; generous, as tests share a slow machine
QUIET = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--no-first-run", "--hide-scrollbars",
    "--disable-dev-shm-usage",
)  # fmt: skip
ALT, CONTROL, META, SHIFT = 1, 2, 4, 8
_MODIFIERS = {"Alt": ALT, "Control": CONTROL, "Meta": META, "Shift": SHIFT}
_NAMED = {
    "Enter": 13, "Escape": 27, "Backspace": 8, "Tab": 9, "ArrowDown": 40, "ArrowUp": 38,
    "Home": 36, "End": 35, "Delete": 46, "F1": 112,
}  # fmt: skip
_SIGNS = {".": ("Period", 190), " ": ("Space", 32)}


class BrowserError(Exception):
    """The browser refused a call, or a page threw."""


class Page:
    """One page of a running browser."""

    def __init__(self, browser: _Browser, session: str, profile: Path) -> None:
        self._browser = browser
        self._session = session
        self._profile = profile

    async def call(self, method: str, **params: Any) -> Any:
        """The result of a DevTools method."""
        return await self._browser.call(method, params, self._session)

    async def js(self, code: str, *arguments: Any) -> Any:
        """What the body of a function returns, given `arguments` as `args`, once it is settled."""
        expression = f"(async (args) => {{ {code} }})({json.dumps(arguments)})"
        answer = await self.call(
            "Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True
        )
        if "exceptionDetails" in answer:
            raise BrowserError(json.dumps(answer["exceptionDetails"])[:500])
        return answer["result"].get("value")

    async def until(self, code: str, *arguments: Any, what: str) -> Any:
        """Wait until a function's body returns something true, and return that."""
        try:
            async with asyncio.timeout(DEADLINE):
                while not (found := await self.js(looking(code), *arguments)):
                    pass
                return found
        except TimeoutError:
            raise AssertionError(f"never came: {what}; see {await self.keep()}") from None

    async def press(self, keys: str) -> None:
        """Press a key with its modifiers, as in `Control+Shift+p` or `Enter`."""
        *modifiers, key = keys.split("+")
        code, number = _key(key)
        pressed = {
            "key": key,
            "code": code,
            "windowsVirtualKeyCode": number,
            "modifiers": sum(_MODIFIERS[name] for name in modifiers),
        }
        text = "\r" if key == "Enter" else key if len(key) == 1 and not modifiers else ""
        await self.call("Input.dispatchKeyEvent", type="keyDown", text=text, **pressed)
        await self.call("Input.dispatchKeyEvent", type="keyUp", **pressed)

    async def type(self, text: str) -> None:
        """Type a text, key by key; what no plain key gives comes as from an input method."""
        for char in text:
            if char in _SIGNS or (char.isascii() and char.isalnum()):
                await self.press(char)
            elif char == "\n":
                await self.press("Enter")
            else:
                await self.call("Input.insertText", text=char)

    async def click(self, selector: str, text: str = "", part: str = ":scope") -> None:
        """Click the element that `selector` finds and that has `text` in it, once it is there; or
        the `part` of it.
        """
        x, y = await self.until(_FIND, selector, text, part, what=f"{selector} with {text!r}")
        at: Mapping[str, Any] = {"x": x, "y": y, "button": "left", "clickCount": 1}
        await self.call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)
        await self.call("Input.dispatchMouseEvent", type="mousePressed", **at)
        await self.call("Input.dispatchMouseEvent", type="mouseReleased", **at)

    async def keep(self) -> Path:
        """Keep a picture of the page beside the browser's state; returns where."""
        kept = self._profile.with_suffix(".png")
        kept.write_bytes(await self.screenshot())
        return kept

    async def screenshot(self) -> bytes:
        """The page as PNG."""
        shot = await self.call("Page.captureScreenshot", format="png")
        return base64.b64decode(shot["data"])


def looking(code: str) -> str:
    """A function's body that looks until `code` returns something true, for a second at most."""
    return f"""
      const look = async () => {{ {code} }};
      for (let left = 20; left > 0; left -= 1) {{
        const found = await look();
        if (found) return found;
        await new Promise((resolve) => setTimeout(resolve, 50));
      }}
    """


# Elements that are being shown or moved, or that something covers, are left until they lie open.
_FIND = """
  const [selector, text, part] = args;
  const place = () => {
    for (const found of document.querySelectorAll(selector)) {
      const aim = part === ':scope' ? found : found.querySelector(part);
      const box = aim.getBoundingClientRect();
      const at = [box.x + box.width / 2, box.y + box.height / 2];
      if (found.textContent.includes(text) && aim.contains(document.elementFromPoint(...at))) {
        return at;
      }
    }
  };
  const before = place();
  await new Promise((resolve) => setTimeout(resolve, 150));
  return before && String(place()) === String(before) && before;
"""


def _key(key: str) -> tuple[str, int]:
    if key in _NAMED:
        return key, _NAMED[key]
    if key in _SIGNS:
        return _SIGNS[key]
    kind = "Digit" if key.isdigit() else "Key"
    return f"{kind}{key.upper()}", ord(key.upper())


class _Browser:
    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        self._numbers = itertools.count(1)
        self._answers: dict[int, asyncio.Future[Any]] = {}

    async def call(self, method: str, params: Mapping[str, Any], session: str | None = None) -> Any:
        number = next(self._numbers)
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        message = {"id": number, "method": method, "params": params}
        if session is not None:
            message["sessionId"] = session
        self._writer.write(json.dumps(message).encode() + b"\0")
        try:
            async with asyncio.timeout(DEADLINE):
                return await answer
        finally:
            del self._answers[number]

    async def listen(self, reader: asyncio.StreamReader) -> None:
        while data := await _frame(reader):
            message = json.loads(data)
            answer = self._answers.get(message.get("id", 0))
            if answer is None or answer.done():
                continue
            if "error" in message:
                answer.set_exception(BrowserError(message["error"]["message"]))
            else:
                answer.set_result(message["result"])


# The browser reads from descriptor 3 and writes to 4, whatever numbers the pipes were given.
_WIRED = """
import os, sys
for at, number in enumerate(sys.argv[1:3]):
    os.dup2(int(number), 60 + at)
os.dup2(60, 3)
os.dup2(61, 4)
os.execv(sys.argv[3], sys.argv[3:])
"""


async def _frame(reader: asyncio.StreamReader) -> bytes:
    try:
        return (await reader.readuntil(b"\0"))[:-1]
    except asyncio.IncompleteReadError:
        return b""


@asynccontextmanager
async def browser(
    program: Path, profile: Path, env: Mapping[str, str], size: tuple[int, int]
) -> AsyncIterator[Page]:
    """A browser with one empty page of `size` (pixels); its state is in the folder `profile`."""
    commands, answers = os.pipe(), os.pipe()
    options = [*QUIET, f"--user-data-dir={profile}", f"--window-size={size[0]},{size[1]}"]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _WIRED, str(commands[0]), str(answers[1]),
        program, "--remote-debugging-pipe", *options,
        env=env, pass_fds=(commands[0], answers[1]), stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    os.close(commands[0])
    os.close(answers[1])
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=1 << 26)
    incoming, _ = await loop.connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(answers[0], "rb")
    )
    outgoing, protocol = await loop.connect_write_pipe(
        asyncio.streams.FlowControlMixin, os.fdopen(commands[1], "wb")
    )
    driver = _Browser(asyncio.StreamWriter(outgoing, protocol, None, loop))
    listener = asyncio.create_task(driver.listen(reader))
    try:
        target = await driver.call("Target.createTarget", {"url": "about:blank"})
        attached = await driver.call(
            "Target.attachToTarget", {"targetId": target["targetId"], "flatten": True}
        )
        yield Page(driver, attached["sessionId"], profile)
    finally:
        outgoing.close()  # a browser whose pipe ends goes
        try:
            async with asyncio.timeout(DEADLINE):
                await process.wait()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
            await listener
            incoming.close()
