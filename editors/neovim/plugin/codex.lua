-- `:Codex`, the `<Plug>` keys, the input box, and what keeps the server informed. It starts
-- nothing: that is `vim.lsp.enable('codex')`.
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
      require('codex').follow(event.data.params, client.id)
    end
  end,
})

-- The status line of a server that ended says nothing of it any longer.
vim.api.nvim_create_autocmd('LspDetach', { group = group, command = 'redrawstatus!' })

vim.lsp.config('codex', {
  handlers = {
    ['codex/status'] = function(_, status, context)
      require('codex').note(status, context.client_id)
    end,
    ['window/showMessage'] = function(_, params)
      require('codex').message(params)
    end,
    ['workspace/executeCommand'] = function(err, result, context)
      require('codex').answered(err, result, context.params.command)
    end,
  },
})

for name, question in pairs({
  ['codex.edit'] = 'Codex, change this: ',
  ['codex.ask'] = 'Ask Codex: ',
  ['codex.do'] = 'Codex, do: ',
  ['codex.hunk.redo'] = 'What should be different? ',
  ['codex.task.steer'] = 'What should Codex heed, too? ',
  ['codex.thread.resume'] = 'How should Codex go on? ',
}) do
  vim.lsp.commands[name] = function(command, context)
    require('codex').ask(question, command, context)
  end
end

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
  ask = 'ask',
  diff = 'hunk.diff',
  ['do'] = 'do',
  drop = 'hunk.reject',
  edit = 'edit',
  explain = 'explain',
  fix = 'fix',
  keep = 'hunk.accept',
  ['keep-all'] = 'turn.accept',
  list = 'hunk.list',
  menu = '',
  next = 'hunk.next',
  previous = 'hunk.previous',
  redo = 'turn.redo',
  steer = 'task.steer',
  stop = 'task.cancel',
  undo = 'turn.undo',
}) do
  local keys = ('<Plug>(codex-%s)'):format(plug)
  local desc = 'Codex: ' .. plug
  vim.keymap.set('n', keys, ('<Cmd>Codex %s<CR>'):format(name), { desc = desc })
  vim.keymap.set('x', keys, (':Codex %s<CR>'):format(name), { desc = desc, silent = true })
end
