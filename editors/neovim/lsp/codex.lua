---@brief
---
--- https://github.com/codex-lsp/codex-lsp
---
--- A language server that puts OpenAI's Codex coding agent into the editor. Install it with
--- `pipx install codex-lsp`, sign in with `codex-lsp login`. It serves every language, beside the
--- language's own server. This file works alone; with the plugin of the same repository, the
--- plugin takes the notices.

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

--- Hands what the server says to the plugin, or to `otherwise` where there is none.
local function told(method, otherwise)
  return function(err, params, context)
    local here, plugin = pcall(require, 'codex')
    if here then
      plugin[method](params)
    elseif otherwise then
      return vim.lsp.handlers[otherwise](err, params, context)
    end
  end
end

---@type vim.lsp.Config
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
    ['codex/status'] = told('note'),
    ['window/showMessage'] = told('message', 'window/showMessage'),
  },
}
