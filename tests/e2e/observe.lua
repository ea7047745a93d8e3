-- Loaded after the person's own configuration: records what tests look at, chooses from menus by
-- title, and tells the test whenever something happened. It changes nothing else.

_G.seen = { progress = {}, menus = {}, answers = {} }
_G.wanted = nil -- a part of the title to choose
_G.replies = {} -- parts of the titles to choose wherever they are offered

local function is_wanted(title)
  for _, part in ipairs(vim.list_extend({ wanted }, replies)) do
    if title:find(part, 1, true) then
      return true
    end
  end
end

local function happened()
  vim.rpcnotify(0, 'happened')
end

vim.api.nvim_create_autocmd({
  'LspAttach', 'LspDetach', 'LspNotify', 'LspRequest', 'DiagnosticChanged', 'TextChanged',
  'TextChangedI', 'BufWritePost', 'ModeChanged', 'SafeState',
}, { callback = happened })

vim.api.nvim_create_autocmd('LspProgress', {
  callback = function(event)
    table.insert(seen.progress, event.data.params.value)
    happened()
  end,
})

vim.ui.select = function(items, options, choose)
  local titles = {}
  local found
  for index, item in ipairs(items) do
    titles[index] = options.format_item and options.format_item(item) or tostring(item)
    if not found and is_wanted(titles[index]) then
      found = index
    end
  end
  table.insert(seen.menus, titles)
  happened()
  choose(items[found], found)
end

-- Asks for code actions at the cursor, as a light bulb would, and counts the answer.
function _G.ask_for_actions()
  local client = vim.lsp.get_clients({ name = 'codex' })[1]
  local params = vim.lsp.util.make_range_params(0, client.offset_encoding)
  params.context = { diagnostics = {}, triggerKind = 2 }
  client:request('textDocument/codeAction', params, function(err, result)
    table.insert(seen.answers, err and err.message or #(result or {}))
    happened()
  end, 0)
end
