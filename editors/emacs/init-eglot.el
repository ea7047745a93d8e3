(require 'eglot)
(add-to-list 'eglot-server-programs '(python-mode . ("codex-lsp")))
(add-hook 'python-mode-hook #'eglot-ensure)
