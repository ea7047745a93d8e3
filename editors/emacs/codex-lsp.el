;;; codex-lsp.el --- Codex, through its language server  -*- lexical-binding: t -*-

;; Author: The codex-lsp developers
;; Version: 0.1.0
;; Package-Requires: ((emacs "29.1"))
;; Keywords: tools, convenience, languages
;; URL: https://github.com/codex-lsp/codex-lsp
;; SPDX-License-Identifier: Apache-2.0

;;; Commentary:

;; `codex-lsp' is a language server that puts OpenAI's Codex into any editor.
;; It needs nothing but Eglot or lsp-mode; this package adds what the protocol
;; has no form for: commands that ask for what you wish in the minibuffer, a
;; keymap, what Codex does in the mode line, and (with Eglot) it passes on what
;; Flymake knows, so that "fix this" can be told what is wrong.
;;
;;   (require 'codex-lsp-eglot)                     ; with Eglot:
;;   (codex-lsp-eglot-setup 'python-mode)           ; Codex alone, or
;;   (codex-lsp-eglot-setup 'python-mode "pylsp")   ; beside a server, by `rass'
;;
;;   (require 'codex-lsp-lsp-mode)                  ; with lsp-mode, beside the
;;   (codex-lsp-lsp-mode-setup 'python-mode)        ; servers that run there
;;
;;   (codex-lsp-mode)
;;   (keymap-global-set "C-c x" codex-lsp-command-map)

;;; Code:

(require 'json)
(require 'subr-x)

(declare-function eglot-current-server "eglot")
(declare-function eglot--capabilities "eglot")
(declare-function jsonrpc-async-request "jsonrpc")
(declare-function jsonrpc-stderr-buffer "jsonrpc")
(declare-function lsp-find-workspace "lsp-mode")
(declare-function lsp-request-async "lsp-mode")
(declare-function lsp--workspace-cmd-proc "lsp-mode")
(declare-function lsp--workspace-server-capabilities "lsp-mode")
(declare-function lsp--workspace-status "lsp-mode")
(defvar lsp--cur-workspace)

(defgroup codex-lsp nil
  "Codex through its language server."
  :group 'tools
  :prefix "codex-lsp-")

(defcustom codex-lsp-program "codex-lsp"
  "The language server: a name on the path, or a file."
  :type 'string)

(defconst codex-lsp-questions
  '(("codex.edit" . "Codex, change this: ")
    ("codex.ask" . "Ask Codex: ")
    ("codex.do" . "Codex, do: ")
    ("codex.hunk.redo" . "What should be different? ")
    ("codex.task.steer" . "What should Codex heed, too? ")
    ("codex.thread.resume" . "How should Codex go on? "))
  "What is asked for before these commands, where they come without a request.")

;;; Talking to the server

(defvar codex-lsp-before-command-hook nil
  "Run in the buffer before the server is asked for anything.")

(defun codex-lsp--workspace ()
  "The workspace in which lsp-mode runs Codex for this buffer, or nil."
  (and (bound-and-true-p lsp-mode) (lsp-find-workspace 'codex (buffer-file-name))))

(defun codex-lsp--server ()
  "The server that Eglot runs for this buffer, if Codex is in it."
  (let ((server (and (bound-and-true-p eglot--managed-mode) (eglot-current-server))))
    (and server (codex-lsp--offered (eglot--capabilities server)) server)))

(defun codex-lsp--offered (capabilities)
  "The commands of Codex among the CAPABILITIES of a server."
  (seq-filter (lambda (command) (string-prefix-p "codex." command))
              (codex-lsp--at (codex-lsp--at capabilities "executeCommandProvider") "commands")))

(defun codex-lsp--here-p (&optional buffer)
  "Whether Codex runs in BUFFER, or else in this one."
  (with-current-buffer (or buffer (current-buffer))
    (or (codex-lsp--workspace) (codex-lsp--server))))

(defun codex-lsp--buffer ()
  "The buffer that commands are about.
It is this one; where this has no file, the one with Codex that was used last."
  (or (and (codex-lsp--here-p) (current-buffer))
      (and (not buffer-file-name) (seq-find #'codex-lsp--here-p (buffer-list)))
      (user-error "Codex does not run in this buffer: start Eglot or lsp-mode")))

(defun codex-lsp--execute (command argument &optional then)
  "Have the server run COMMAND with ARGUMENT, a plist.  It is not waited for.
THEN is called with the answer."
  (with-current-buffer (codex-lsp--buffer)
    (run-hooks 'codex-lsp-before-command-hook)
    (let ((params (list :command command :arguments (if argument (vector argument) [])))
          (then (or then #'ignore)))
      (if-let* ((lsp--cur-workspace (codex-lsp--workspace)))
          (if (eq 'initialized (lsp--workspace-status lsp--cur-workspace))
              ;; In its workspace: else lsp-mode asks every server of the buffer.
              (lsp-request-async "workspace/executeCommand" params then
                                 :mode 'detached
                                 :error-handler #'codex-lsp--failed)
            (user-error "Codex is still starting"))
        (jsonrpc-async-request (eglot-current-server) :workspace/executeCommand params
                               :deferred (intern command)
                               :success-fn then
                               :error-fn #'codex-lsp--failed)))))

(defun codex-lsp--failed (failure)
  "Show the message of FAILURE."
  (message "Codex: %s" (or (codex-lsp--at failure "message") failure)))

(defun codex-lsp--at (value key)
  "What the JSON object VALUE, a hash table or a plist, has at KEY."
  (if (hash-table-p value)
      (gethash key value)
    (plist-get value (intern (concat ":" key)))))

(defun codex-lsp--asked (command argument)
  "ARGUMENT, with the request that COMMAND needs; asks for it where it lacks."
  (let ((question (cdr (assoc command codex-lsp-questions))))
    (if (or (null question) (plist-get argument :prompt) (plist-get argument :preset))
        argument
      (plist-put argument :prompt (read-string question)))))

(defun codex-lsp--here ()
  "The lines of the region, or the line at point, as commands take them."
  (let ((from (if (use-region-p) (region-beginning) (point)))
        (to (if (use-region-p) (region-end) (point))))
    (list :path (file-local-name (buffer-file-name))
          :line (line-number-at-pos from t)
          :endLine (line-number-at-pos (max from (if (= from to) to (1- to))) t))))

(defun codex-lsp-execute-action (command argument)
  "Run COMMAND of a code action with its ARGUMENT, asking for what it lacks."
  (codex-lsp--execute command (codex-lsp--asked command argument)))

(defun codex-lsp-run (command &optional argument then)
  "Run COMMAND of the server here; ARGUMENT is a plist that goes before the place.
THEN is called with the answer."
  (with-current-buffer (codex-lsp--buffer)
    (let ((argument (append argument (and buffer-file-name (codex-lsp--here)))))
      (codex-lsp--execute command (codex-lsp--asked command argument) then))))

;;; Commands

(defmacro codex-lsp--define (name command documentation &optional anywhere)
  "Define NAME, which runs COMMAND here, or ANYWHERE; see DOCUMENTATION."
  `(defun ,name ()
     ,documentation
     (interactive)
     ,(if anywhere `(codex-lsp-execute-action ,command nil) `(codex-lsp-run ,command))))

(codex-lsp--define codex-lsp-fix "codex.fix" "Mend the problem at point.")
(codex-lsp--define codex-lsp-fix-all "codex.fixAll" "Mend every reported problem of the file.")
(codex-lsp--define codex-lsp-edit "codex.edit" "Change the region, or the line, as you wish.")
(codex-lsp--define codex-lsp-ask "codex.ask" "Ask a question about the place.")
(codex-lsp--define codex-lsp-do "codex.do" "Give Codex a longer job.")
(codex-lsp--define codex-lsp-explain "codex.explain" "Explain the problem or the code at point.")
(codex-lsp--define codex-lsp-keep "codex.hunk.accept" "Keep the change at point.")
(codex-lsp--define codex-lsp-drop "codex.hunk.reject" "Drop the change at point.")
(codex-lsp--define codex-lsp-next "codex.hunk.next" "Go to the next change.")
(codex-lsp--define codex-lsp-previous "codex.hunk.previous" "Go to the previous change.")
(codex-lsp--define codex-lsp-diff "codex.hunk.diff"
                   "Show the changes that wait, or else those of the last turn, as a diff." t)
(codex-lsp--define codex-lsp-keep-all "codex.turn.accept"
                   "Keep all changes of the newest turn that waits, in every file." t)
(codex-lsp--define codex-lsp-undo "codex.turn.undo"
                   "Take back what the last turn changed, and keep what you typed since." t)
(codex-lsp--define codex-lsp-redo "codex.turn.redo"
                   "Make the changes of an undone turn again." t)
(codex-lsp--define codex-lsp-steer "codex.task.steer" "Tell the running job more." t)
(codex-lsp--define codex-lsp-stop "codex.task.cancel" "Stop whatever Codex does." t)

(defun codex-lsp-command (name)
  "Run the server's command codex.NAME here, whichever it is, and show its answer."
  (interactive (list (completing-read "Codex: " (codex-lsp--names) nil t)))
  (if (equal name "hunk.list")
      (codex-lsp-list)
    (codex-lsp-run (concat "codex." name) nil #'codex-lsp--show)))

(defun codex-lsp--names ()
  "The names of the server's commands, without the first word."
  (with-current-buffer (codex-lsp--buffer)
    (let ((workspace (codex-lsp--workspace)))
      (mapcar (lambda (command) (string-remove-prefix "codex." command))
              (codex-lsp--offered (if workspace
                                      (lsp--workspace-server-capabilities workspace)
                                    (eglot--capabilities (eglot-current-server))))))))

(defun codex-lsp--show (answer)
  "Show ANSWER to a command, where the server does not say it by itself."
  (cond
   ((member answer '(nil [])) (message "Codex: there is none"))
   ((seq-some (lambda (key) (codex-lsp--at answer key)) '("taskId" "message" "ok")))
   (t (let ((json-encoding-pretty-print t))
        (with-help-window "*Codex answer*"
          (princ (json-encode answer)))))))

(defun codex-lsp-list ()
  "List the changes that wait and those of the last turn, with file and line."
  (interactive)
  (codex-lsp--execute "codex.hunk.list" nil #'codex-lsp--list))

(defun codex-lsp--list (hunks)
  "Show HUNKS as lines to go on from, as those of `grep' are."
  (require 'grep)
  (with-current-buffer (get-buffer-create "*Codex changes*")
    (let ((inhibit-read-only t))
      (erase-buffer)
      (when (seq-empty-p hunks)
        (insert "Nothing was changed.\n"))
      (seq-do (lambda (hunk)
                (insert (format "%s:%s: %s %s\n"
                                (codex-lsp--at hunk "path") (codex-lsp--at hunk "line")
                                (codex-lsp--at hunk "state") (codex-lsp--at hunk "reason"))))
              hunks)
      (goto-char (point-min)))
    (grep-mode)
    (pop-to-buffer (current-buffer))))

(defun codex-lsp-log ()
  "Show what the server of this buffer logged."
  (interactive)
  (with-current-buffer (codex-lsp--buffer)
    (let ((workspace (codex-lsp--workspace)))
      (pop-to-buffer
       (if workspace
           (format "*%s::stderr*" (process-name (lsp--workspace-cmd-proc workspace)))
         (jsonrpc-stderr-buffer (eglot-current-server)))))))

(defvar-keymap codex-lsp-command-map
  :doc "Keys for Codex, to be bound to a prefix of your own."
  "f" #'codex-lsp-fix
  "F" #'codex-lsp-fix-all
  "e" #'codex-lsp-edit
  "a" #'codex-lsp-ask
  "d" #'codex-lsp-do
  "x" #'codex-lsp-explain
  "k" #'codex-lsp-keep
  "K" #'codex-lsp-keep-all
  "D" #'codex-lsp-drop
  "n" #'codex-lsp-next
  "p" #'codex-lsp-previous
  "v" #'codex-lsp-diff
  "u" #'codex-lsp-undo
  "r" #'codex-lsp-redo
  "s" #'codex-lsp-stop
  "t" #'codex-lsp-steer
  "c" #'codex-lsp-command
  "l" #'codex-lsp-list
  "L" #'codex-lsp-log)
(fset 'codex-lsp-command-map codex-lsp-command-map)

;;; The mode line

(defvar codex-lsp-mode)
(defvar codex-lsp--status nil "What Codex does now, or nil.")
(put 'codex-lsp--status 'risky-local-variable t)

(defun codex-lsp-note (busy message &optional kind)
  "Show MESSAGE in the mode line while Codex is BUSY, and at the end as a message.
It stands out where KIND is \"Warning\": you are needed."
  (when (and codex-lsp-mode codex-lsp--status (not busy) message
             (not (string-search message (or (current-message) ""))))
    (message "Codex: %s" message))
  (setq codex-lsp--status
        (and busy
             `(" [" (:propertize ,(concat "Codex" (and message ": ")
                                          (string-replace "%" "%%" (or message "")))
                                 face ,(and (equal kind "Warning") 'warning))
               "]")))
  (force-mode-line-update t))

;;;###autoload
(define-minor-mode codex-lsp-mode
  "Show in the mode line what Codex does."
  :global t
  (setq mode-line-misc-info (remove '(codex-lsp-mode codex-lsp--status) mode-line-misc-info))
  (when codex-lsp-mode
    (push '(codex-lsp-mode codex-lsp--status) mode-line-misc-info)))

(provide 'codex-lsp)
;;; codex-lsp.el ends here
