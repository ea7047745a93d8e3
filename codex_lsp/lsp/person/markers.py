"""Our own diagnostics: several parts of the server mark one document, and a publication replaces
the one before, so they are put together here. Code lenses are about what is marked, so they are
asked for anew with it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from codex_lsp.lsp.person.progress import Wire

_PUBLISH = "textDocument/publishDiagnostics"


class Markers:
    """What each part last said of each document."""

    def __init__(self, wire: Wire, changed: Callable[[], object]) -> None:
        self._wire = wire
        self._changed = changed
        self._parts: dict[str, dict[str, list[object]]] = {}

    def part(self, name: str) -> Wire:
        """A wire whose publications replace only those of the part `name`."""
        return _Part(self, self._wire, name)

    def put(self, uri: str, part: str, diagnostics: list[object]) -> None:
        """Say that these are the diagnostics of `part` in `uri`."""
        parts = self._parts.setdefault(uri, {})
        parts[part] = diagnostics
        together = [entry for entries in parts.values() for entry in entries]
        if not together:
            del self._parts[uri]
        self._wire.notify(_PUBLISH, {"uri": uri, "diagnostics": together})
        self._changed()


class _Part:
    """The client, for one part."""

    def __init__(self, markers: Markers, wire: Wire, name: str) -> None:
        self._markers = markers
        self._wire = wire
        self._name = name

    async def ask(self, method: str, params: object, *, timeout: float) -> object:  # noqa: ASYNC109 - see Wire
        """Pass the request on."""
        return await self._wire.ask(method, params, timeout=timeout)

    def notify(self, method: str, params: object) -> None:
        """Put a publication together with those of others; pass everything else on."""
        if method == _PUBLISH and isinstance(params, Mapping):
            self._markers.put(str(params["uri"]), self._name, list(params["diagnostics"]))
        else:
            self._wire.notify(method, params)
