;;; codex-lsp-lsp-mode.el --- Codex in lsp-mode  -*- lexical-binding: t -*-

;; SPDX-License-Identifier: Apache-2.0

;;; Commentary:

;; Has lsp-mode start Codex beside the other servers of a buffer, and asks for
;; the request that a code action needs.

;;; Code:

(require 'codex-lsp)
(require 'lsp-mode)

;;;###autoload
(defun codex-lsp-lsp-mode-setup (&rest modes)
  "Have lsp-mode start Codex in MODES, beside the servers that run there."
  (lsp-register-client
   (make-lsp-client
    :new-connection (lsp-stdio-connection (lambda () codex-lsp-program))
    :major-modes modes
    :server-id 'codex
    :add-on? t
    :custom-capabilities '((experimental . ((codexStatus . t))))
    :notification-handlers (lsp-ht ("codex/status" #'codex-lsp-lsp-mode--note))
    :action-handlers (codex-lsp-lsp-mode--handlers)))
  (add-hook 'lsp-after-uninitialized-functions #'codex-lsp-lsp-mode--forget))

(defun codex-lsp-lsp-mode--forget (workspace)
  "Show nothing more of WORKSPACE, which has ended, if Codex ran there."
  (when (eq 'codex (lsp--client-server-id (lsp--workspace-client workspace)))
    (codex-lsp-note nil nil)))

(defun codex-lsp-lsp-mode--note (_workspace status)
  "Show in the mode line what STATUS says."
  (codex-lsp-note (not (memq (lsp-get status :busy) '(nil :json-false)))
                  (lsp-get status :message)
                  (lsp-get status :kind)))

(defun codex-lsp-lsp-mode--handlers ()
  "What runs the code actions that need a request."
  (let ((handlers (make-hash-table :test #'equal)))
    (dolist (question codex-lsp-questions handlers)
      (puthash (car question) #'codex-lsp-lsp-mode--run handlers))))

(defun codex-lsp-lsp-mode--run (action)
  "Run a code ACTION, a command of the protocol."
  (codex-lsp-execute-action
   (lsp-get action :command)
   (codex-lsp-lsp-mode--plist (car (append (lsp-get action :arguments) nil)))))

(defun codex-lsp-lsp-mode--plist (value)
  "The JSON object VALUE as a plist, however lsp-mode was built."
  (if (not (hash-table-p value))
      value
    (let (plist)
      (maphash (lambda (key found)
                 (setq plist (plist-put plist (intern (concat ":" key)) found)))
               value)
      plist)))

(provide 'codex-lsp-lsp-mode)
;;; codex-lsp-lsp-mode.el ends here
