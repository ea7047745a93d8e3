"""`python -m codex_lsp` is the same program as `codex-lsp`."""

import sys

from codex_lsp.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
