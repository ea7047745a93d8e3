-- Optional: passes on what other servers and linters report, so that a fix can be told what is
-- wrong. Without it, "Codex: fix this" finds out by itself.
vim.api.nvim_create_autocmd({ 'DiagnosticChanged', 'LspAttach' }, {
  callback = function(event)
    for _, client in ipairs(vim.lsp.get_clients({ name = 'codex', bufnr = event.buf })) do
      local ours = vim.lsp.diagnostic.get_namespace(client.id)
      local others = vim.tbl_filter(function(diagnostic)
        return diagnostic.namespace ~= ours
      end, vim.diagnostic.get(event.buf))
      client:notify('codex/didChangeDiagnostics', {
        uri = vim.uri_from_bufnr(event.buf),
        diagnostics = vim.lsp.diagnostic.from(others),
      })
    end
  end,
})
