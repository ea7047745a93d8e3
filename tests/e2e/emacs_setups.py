"""Emacs with our package, as a person sets it up: with Eglot alone or beside another server through
`rass`, and with lsp-mode. The other server and the checker find the fault of the scene.
"""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.e2e.emacs import Emacs, emacs
from tests.e2e.scene import PROBLEM, Scene
from tests.e2e.tools import REPO

PACKAGE = REPO / "editors" / "emacs"
OTHER = [sys.executable, str(Path(__file__).with_name("other_server.py")), "retrun", PROBLEM]

_WORDS = " ".join(f'"{word}"' for word in OTHER)
_EGLOT = """
(require 'codex-lsp-eglot)
(codex-lsp-eglot-setup 'python-mode {})
(add-hook 'python-mode-hook #'eglot-ensure)
"""
SETUPS = {
    "eglot": _EGLOT.format(""),
    "rass": _EGLOT.format(_WORDS),
    "lsp-mode": """
(load "lsp-mode-autoloads" t t)
(require 'codex-lsp-lsp-mode)
(codex-lsp-lsp-mode-setup 'python-mode)
(add-hook 'python-mode-hook #'lsp)
""",
}
# Somebody else's checker, which tells Flymake about the faults.
CHECKER = f"""
(add-hook 'eglot-managed-mode-hook
          (lambda ()
            (add-hook 'flymake-diagnostic-functions
                      (lambda (report &rest _)
                        (save-excursion
                          (goto-char (point-min))
                          (let (found)
                            (while (search-forward "retrun" nil t)
                              (push (flymake-make-diagnostic
                                     (current-buffer) (match-beginning 0) (match-end 0)
                                     :error "{PROBLEM}")
                                    found))
                            (funcall report found))))
                      nil t)
            (flymake-start)))
"""
# Another server beside ours, in lsp-mode.
BESIDE = f"""
(lsp-register-client
 (make-lsp-client :new-connection (lsp-stdio-connection '({_WORDS}))
                  :major-modes '(python-mode) :server-id 'other))
"""
PROPOSING = {
    "eglot": """
(setq-default eglot-workspace-configuration '(:codex (:edits (:apply "propose"))))
""",
    "lsp-mode": """
(lsp-register-custom-settings '(("codex.edits.apply" "propose")))
""",
}


@asynccontextmanager
async def at_home(setup: str, here: Scene, *more: str) -> AsyncIterator[Emacs]:
    """A person with the package, before the scene's file, and with `more` in the init file."""
    config = here.folder.parent / "init.el"
    rows = [
        f'(add-to-list \'load-path "{PACKAGE}")',
        SETUPS[setup],
        *more,
        "(codex-lsp-mode)",
        '(keymap-global-set "C-c x" codex-lsp-command-map)',
    ]
    config.write_text("\n".join(rows))
    path = f"{here.env['PATH']}:{Path(sys.executable).parent}"  # where `rass` is
    async with emacs(config, here.file, here.folder, {**here.env, "PATH": path}) as editor:
        yield editor
