vim.lsp.config('codex', {
  cmd = { 'codex-lsp' },
  root_markers = { '.git' },
  flags = { debounce_text_changes = 20 },
})
vim.lsp.enable('codex')
