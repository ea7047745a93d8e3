;;; observe.el --- lets a test watch Emacs  -*- lexical-binding: t -*-
;; Loaded after the person's own configuration.  F5 asks for code actions in either client; what
;; is offered is recorded, and the title chosen that has a line of the files `wanted' or `replies'
;; in it.  The state goes to the file `state', all in $TERMINAL_PLACE: emacsclient would break off the clients' requests.

;; On a busy machine another server may take longer than the ten seconds that clients wait.
(setq jsonrpc-default-request-timeout 60)
(with-eval-after-load 'lsp-mode (setq lsp-response-timeout 60))

(defvar observe-menus [] "The menus so far.")
(defvar observe-progress [] "The kinds of the progress events so far.")
(defvar observe-said [] "What progress events and messages said so far.")

(defun observe-file (name)
  "The file NAME between us and the test."
  (expand-file-name name (getenv "TERMINAL_PLACE")))

(defun observe-lines (name)
  "The lines of the file NAME, if there is one."
  (when (file-exists-p (observe-file name))
    (with-temp-buffer
      (insert-file-contents (observe-file name))
      (split-string (buffer-string) "\n" t))))

(defun observe-choose (_prompt collection &rest _)
  "Choose from COLLECTION by the title in the file `wanted'."
  (let ((titles (all-completions "" collection))
        (wanted (append (observe-lines "wanted") (observe-lines "replies"))))
    (setq observe-menus (vconcat observe-menus (list (vconcat titles))))
    (seq-find (lambda (title) (seq-some (lambda (part) (string-search part title)) wanted))
              titles)))

(defvar observe-greeted nil "Whether the server has asked Eglot for something, so it runs.")
(advice-add 'eglot-handle-request :before (lambda (&rest _) (setq observe-greeted t)))

(defun observe-attached ()
  "Whether our server is ready for this buffer."
  (if (bound-and-true-p lsp-mode)
      (and lsp--buffer-workspaces
           (eq 'initialized (lsp--workspace-status (car lsp--buffer-workspaces))))
    (and observe-greeted (eglot-current-server))))

(defun observe-report ()
  "Write the state of the buffer that shows a file."
  (when-let* ((buffer (seq-find #'buffer-file-name
                                (cons (window-buffer (selected-window)) (buffer-list)))))
    (with-current-buffer buffer
      (let ((state (json-serialize
                    (list :text (save-restriction
                                  (widen)
                                  (buffer-substring-no-properties (point-min) (point-max)))
                          :file buffer-file-name
                          :problems (length (and (fboundp 'flymake-diagnostics)
                                                 (flymake-diagnostics)))
                          :line (line-number-at-pos (window-point) t)
                          :said observe-said
                          :modified (if (buffer-modified-p) t :false)
                          :attached (if (observe-attached) t :false)
                          :menus observe-menus
                          :progress observe-progress)))
            (coding-system-for-write 'no-conversion)
            (new (observe-file "state.new")))
        (write-region state nil new nil 'silent)
        (rename-file new (observe-file "state") t)))))
(run-with-timer 0 0.05 #'observe-report)

(defun observe-progress (kind message)
  "Note that progress of KIND was seen, which said MESSAGE."
  (setq observe-progress (vconcat observe-progress (list kind)))
  (observe-say message))

(defun observe-say (message)
  "Note that MESSAGE was shown, if there is one."
  (when (stringp message)
    (setq observe-said (vconcat observe-said (list message)))))

(advice-add 'eglot-handle-notification :before
            (lambda (_server method &rest params)
              (pcase method
                ('$/progress
                 (let ((value (plist-get params :value)))
                   (observe-progress (plist-get value :kind) (plist-get value :message))))
                ('window/showMessage (observe-say (plist-get params :message))))))
(advice-add 'lsp-on-progress-modeline :before
            (lambda (_workspace params)
              (let ((value (lsp-get params :value)))
                (observe-progress (lsp-get value :kind) (lsp-get value :message)))))
(advice-add 'lsp--window-show-message :before
            (lambda (_workspace params) (observe-say (lsp-get params :message))))

(defun observe-code-actions ()
  "Ask for code actions as the language client at hand does."
  (interactive)
  (call-interactively
   (if (bound-and-true-p lsp-mode) #'lsp-execute-code-action #'eglot-code-actions)))
(global-set-key (kbd "<f5>") #'observe-code-actions)

(setq completing-read-function #'observe-choose
      inhibit-startup-screen t
      make-backup-files nil
      auto-save-default nil
      create-lockfiles nil
      ring-bell-function #'ignore
      write-region-inhibit-fsync t)
(electric-indent-mode -1)

;; Here stands what a package manager would have loaded; other servers' clients stay out.
(load "lsp-mode-autoloads" t t)
(setq lsp-client-packages nil
      lsp-auto-guess-root t
      lsp-enable-suggest-server-download nil
      lsp-auto-execute-action nil
      lsp-enable-snippet nil)
;;; observe.el ends here
