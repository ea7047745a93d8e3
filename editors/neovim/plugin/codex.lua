-- `:Codex`, the `<Plug>` keys, and what keeps the server informed. It starts nothing: that is
-- `vim.lsp.enable('codex')`.
if vim.g.loaded_codex then
  return
end
vim.g.loaded_codex = true

local group = vim.api.nvim_create_augroup('codex', {})

vim.api.nvim_create_autocmd({ 'DiagnosticChanged', 'LspAttach' }, {
  group = group,
  callback = function(event)
    require('codex.diagnostics').feed(event.buf)
  end,
})

vim.api.nvim_create_autocmd('LspProgress', {
  group = group,
  callback = function(event)
    local client = vim.lsp.get_client_by_id(event.data.client_id)
    if client and client.name == 'codex' then
      require('codex').follow(event.data.params)
    end
  end,
})

vim.api.nvim_create_user_command('Codex', function(given)
  local codex = require('codex')
  local name, prompt = given.args:match('^(%S+)%s*(.*)$')
  local first, last = nil, nil
  if given.range > 0 then
    first, last = given.line1, given.line2
  end
  if not name then
    local range = first and { start = { first, 0 }, ['end'] = { last, #vim.fn.getline(last) } }
    return codex.menu(range)
  end
  codex.run(name, prompt ~= '' and { prompt = prompt } or nil, first, last)
end, {
  nargs = '*',
  range = true,
  desc = 'Run a command of Codex, or open its menu',
  complete = function(lead, line)
    if not line:match('^.-Codex%s+%S*$') then
      return {}
    end
    return vim.tbl_filter(function(name)
      return vim.startswith(name, lead)
    end, require('codex').names())
  end,
})

-- In visual mode a mapping that ends with <CR> after `:` hands the selected lines on.
for plug, name in pairs({
  fix = 'fix', edit = 'edit', ask = 'ask', explain = 'explain', ['do'] = 'do', menu = '',
  keep = 'hunk.accept', drop = 'hunk.reject', next = 'hunk.next', previous = 'hunk.previous',
  diff = 'hunk.diff', ['keep-all'] = 'turn.accept',
  undo = 'turn.undo', stop = 'task.cancel',
}) do
  local keys = ('<Plug>(codex-%s)'):format(plug)
  local desc = 'Codex: ' .. plug
  vim.keymap.set('n', keys, ('<Cmd>Codex %s<CR>'):format(name), { desc = desc })
  vim.keymap.set('x', keys, (':Codex %s<CR>'):format(name), { desc = desc, silent = true })
end
