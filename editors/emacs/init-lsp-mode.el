(require 'lsp-mode)
(lsp-register-client
 (make-lsp-client :new-connection (lsp-stdio-connection "codex-lsp")
                  :activation-fn (lsp-activate-on "python")
                  :server-id 'codex
                  :add-on? t)) ; beside the language's own server
(add-hook 'python-mode-hook #'lsp)
