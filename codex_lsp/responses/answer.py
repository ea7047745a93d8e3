"""What has come of one try, so that nothing is handed out twice or called done too early."""

from __future__ import annotations

from dataclasses import dataclass, field

from codex_lsp.agent.conversation import ModelRequest, ToolCall
from codex_lsp.agent.events import Completed, ItemDone, ModelEvent, StreamBroken
from codex_lsp.responses import refusals
from codex_lsp.responses.retry import Broken, Final, Passing, Trouble
from codex_lsp.responses.sse import ServerEvent
from codex_lsp.responses.wire import Failed, Incomplete, listed_items, signal


@dataclass(slots=True)
class Answer:
    """One try at `request`. `whole`: its completion has come; `called`: it has called a tool."""

    request: ModelRequest
    whole: bool = False
    called: bool = False
    items: int = 0
    ids: set[str] = field(default_factory=set)

    def read(self, event: ServerEvent) -> list[ModelEvent]:
        """What `event` adds; raises `Broken` when it says that there will be no answer."""
        match signal(event, self.request):
            case None:
                return []
            case Failed() | Incomplete() as ended:
                raise Broken(refusals.of_stream(ended))
            case Completed() as completed:
                self.whole = True
                missed = listed_items(event, self.request) if self.items == 0 else []
                return [*(item for item in missed if self._is_new(item)), completed]
            case ItemDone() as done:
                return [done] if self._is_new(done) else []
            case other:
                return [other]

    def _is_new(self, done: ItemDone) -> bool:
        item = done.item
        known = item.call_id if isinstance(item, ToolCall) else item.raw.get("id")
        if isinstance(known, str):
            if known in self.ids:
                return False
            self.ids.add(known)
        self.items += 1
        self.called = self.called or isinstance(item, ToolCall)
        return True


def may_go_on(trouble: Trouble, answer: Answer) -> Passing:
    """`trouble`, if trying again is allowed; else raises what the person is told."""
    if isinstance(trouble, Final):
        raise trouble.error
    if answer.called:
        # The call may have been run already; another answer would run it again.
        raise StreamBroken(
            "The answer broke off after the model had called a tool, so it was not asked again. "
            "Look at what was done, then go on.",
            detail=trouble.error.detail or trouble.reason,
        )
    return trouble
