vim.lsp.config('codex', {
  cmd = { 'codex-lsp' },
  root_markers = { '.git' },
})
vim.lsp.enable('codex')
