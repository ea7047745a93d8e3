;;; codex-lsp-eglot.el --- Codex in Eglot  -*- lexical-binding: t -*-

;; SPDX-License-Identifier: Apache-2.0

;;; Commentary:

;; Has Eglot start Codex, asks for the request that a code action needs, never
;; lets Emacs wait for it, and tells it what Flymake reports.

;;; Code:

(require 'codex-lsp)
(require 'eglot)
(require 'flymake)

;;;###autoload
(defun codex-lsp-eglot-setup (modes &rest server)
  "Have Eglot start Codex in MODES, a major mode or a list of them.
Eglot runs one server in a buffer.  With the command line of another
SERVER, both run there, through the multiplexer `rass'."
  (add-to-list 'eglot-server-programs
               (cons modes
                     (if server
                         `("rass" "--" ,@server "--" ,codex-lsp-program)
                       (list codex-lsp-program)))))

(cl-defmethod eglot-execute :around (_server action)
  "Run an ACTION of Codex's own without waiting; leave others alone."
  (let ((command (plist-get action :command)))
    (if (and (stringp command) (string-prefix-p "codex." command))
        (codex-lsp-execute-action command (car (append (plist-get action :arguments) nil)))
      (cl-call-next-method))))

(cl-defmethod eglot-client-capabilities :around (_server)
  "Say that `codex/status' is understood here."
  (let ((declared (cl-call-next-method)))
    (plist-put declared :experimental
               (append '(:codexStatus t) (let ((other (plist-get declared :experimental)))
                                           (and (consp other) other))))))

(defvar codex-lsp-eglot--told-by nil "The server whose state is shown.")

(cl-defmethod eglot-handle-notification
  (server (_method (eql codex/status)) &key busy message kind &allow-other-keys)
  "Show in the mode line what SERVER does: MESSAGE of a KIND while it is BUSY."
  (setq codex-lsp-eglot--told-by server)
  (codex-lsp-note (not (memq busy '(nil :json-false))) message kind))

(defun codex-lsp-eglot--forget-ended ()
  "Show nothing of a server that has ended, however it did."
  (when (and codex-lsp-eglot--told-by (not (jsonrpc-running-p codex-lsp-eglot--told-by)))
    (setq codex-lsp-eglot--told-by nil)
    (codex-lsp-note nil nil)))

(defvar-local codex-lsp-eglot--fed nil "The server that was told of this buffer last, and what.")

(defun codex-lsp-eglot--serves-p (server)
  "Whether SERVER is Codex itself: `rass' passes our notifications to another."
  (equal (plist-get (eglot--server-info server) :name) "codex-lsp"))

(defun codex-lsp-eglot--feed (&rest _)
  "Tell the server what Flymake reports in this buffer, where that is new."
  (when (and flymake-mode (eglot-managed-p) (buffer-file-name)
             (codex-lsp-eglot--serves-p (eglot-current-server)))
    (let* ((server (eglot-current-server))
           (found (delq nil (mapcar #'codex-lsp-eglot--diagnostic (flymake-diagnostics)))))
      (unless (and (eq server (car codex-lsp-eglot--fed))
                   (equal found (cdr codex-lsp-eglot--fed)))
        (setq codex-lsp-eglot--fed (cons server found))
        (jsonrpc-notify server :codex/didChangeDiagnostics
                        (append (eglot--TextDocumentIdentifier)
                                (list :diagnostics (vconcat found))))))))

(defun codex-lsp-eglot--diagnostic (found)
  "FOUND, a diagnostic of Flymake, as the protocol has it.
One of Codex's own is passed over."
  (let* ((known (cdr (assq 'eglot-lsp-diag (flymake-diagnostic-data found))))
         (from (flymake-diagnostic-beg found))
         (to (or (flymake-diagnostic-end found) from)))
    (unless (or (null from) (equal (plist-get known :source) "Codex"))
      (or known
          (list :range (list :start (list :line (1- (line-number-at-pos from t)) :character 0)
                             :end (list :line (1- (line-number-at-pos to t)) :character 1))
                :severity (pcase (flymake-diagnostic-type found)
                            ((or :error 'eglot-error) 1)
                            ((or :warning 'eglot-warning) 2)
                            (_ 3))
                :message (flymake-diagnostic-text found))))))

(advice-add 'eglot-code-actions :before #'codex-lsp-eglot--feed)
(add-hook 'codex-lsp-before-command-hook #'codex-lsp-eglot--feed)
(add-hook 'eglot-managed-mode-hook #'codex-lsp-eglot--forget-ended)

(provide 'codex-lsp-eglot)
;;; codex-lsp-eglot.el ends here
