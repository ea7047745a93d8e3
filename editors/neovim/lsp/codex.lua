-- What `vim.lsp.enable('codex')` starts. Every field can be overridden with `vim.lsp.config`.

--- Asks for the request that a command lacks, in the editor's own input box.
local function asks(question)
  return function(command, context)
    local client = assert(vim.lsp.get_client_by_id(context.client_id))
    local argument = vim.deepcopy((command.arguments or {})[1] or vim.empty_dict())
    local function send()
      local params = { command = command.command, arguments = { argument } }
      client:request('workspace/executeCommand', params, nil, context.bufnr)
    end
    if argument.prompt or argument.preset then
      return send()
    end
    vim.ui.input({ prompt = question }, function(answer)
      if answer and vim.trim(answer) ~= '' then
        argument.prompt = answer
        send()
      end
    end)
  end
end

return {
  cmd = { 'codex-lsp' },
  root_markers = { '.git' },
  flags = { debounce_text_changes = 20 }, -- changes are seen to land at once
  commands = {
    ['codex.edit'] = asks('Codex, change this: '),
    ['codex.ask'] = asks('Ask Codex: '),
    ['codex.do'] = asks('Codex, do: '),
    ['codex.hunk.redo'] = asks('What should be different? '),
  },
  handlers = {
    ['codex/status'] = function(_, status)
      require('codex').note(status)
    end,
  },
}
