-- Passes on what other servers and linters report, so that a fix can be told what is wrong.
-- Neovim shows a server only its own diagnostics; without this, Codex finds out by itself.
local M = {}

--- Tells the server of `bufnr` everything that is reported there, but for what it reported itself.
function M.feed(bufnr)
  for _, client in ipairs(vim.lsp.get_clients({ name = 'codex', bufnr = bufnr })) do
    local own = {
      [vim.lsp.diagnostic.get_namespace(client.id)] = true,
      [vim.lsp.diagnostic.get_namespace(client.id, true)] = true,
    }
    local others = vim.tbl_filter(function(diagnostic)
      return not own[diagnostic.namespace]
    end, vim.diagnostic.get(bufnr))
    client:notify('codex/didChangeDiagnostics', {
      uri = vim.uri_from_bufnr(bufnr),
      diagnostics = vim.lsp.diagnostic.from(others),
    })
  end
end

return M
