---@brief
---
--- https://github.com/codex-lsp/codex-lsp
---
--- A language server that puts OpenAI's Codex coding agent into the editor. Install it with
--- `pipx install codex-lsp`, sign in with `codex-lsp login`. It serves every language, beside the
--- language's own server.

---@type vim.lsp.Config
return {
  cmd = { 'codex-lsp' },
  root_markers = { '.git' },
  flags = { debounce_text_changes = 20 }, -- changes are seen to land at once
}
