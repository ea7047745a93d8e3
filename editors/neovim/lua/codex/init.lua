-- The client's side of what LSP has no form for: a command line, a status line and an input box.
-- All work is the server's; nothing here knows what a command does.
local M = {}

local last = nil -- what codex/status said last
local running = {} -- progress token -> what it says

--- The client that serves `bufnr` (0: this buffer), or any that runs.
function M.client(bufnr)
  return vim.lsp.get_clients({ name = 'codex', bufnr = bufnr or 0 })[1]
    or vim.lsp.get_clients({ name = 'codex' })[1]
end

--- The names that `:Codex` takes: the server's commands without `codex.`.
function M.names()
  local client = M.client()
  local provider = client and client.server_capabilities.executeCommandProvider
  local names = {}
  for _, command in ipairs(provider and provider.commands or {}) do
    names[#names + 1] = (command:gsub('^codex%.', ''))
  end
  table.sort(names)
  return names
end

-- The lines that a command is about, as the server's commands take them.
local function place(first, last_line)
  if vim.bo.buftype ~= '' then
    return {} -- no file: the server knows the last place itself
  end
  first = first or vim.api.nvim_win_get_cursor(0)[1]
  return { uri = vim.uri_from_bufnr(0), line = first, endLine = last_line or first }
end

--- Runs the command `codex.<name>` at lines `first` to `last` (from 1; nil: the cursor's line).
--- `extra` goes into its argument: `prompt`, `taskId` and so on.
function M.run(name, extra, first, last_line)
  local client = M.client()
  if not client then
    local told = 'Codex: no server runs for this buffer. See :checkhealth codex'
    return vim.notify(told, vim.log.levels.ERROR)
  end
  local argument = vim.tbl_extend('error', place(first, last_line), extra or {})
  client:exec_cmd(
    { title = name, command = 'codex.' .. name, arguments = { argument } },
    { bufnr = vim.api.nvim_get_current_buf() },
    function(err, result)
      if err then
        vim.notify('Codex: ' .. err.message, vim.log.levels.ERROR)
      elseif type(result) == 'table' and not result.taskId and result.ok == nil then
        vim.print(result)
      end
    end
  )
end

--- Opens the menu of what Codex can do here, and nothing of other servers.
function M.menu(range)
  vim.lsp.buf.code_action({
    range = range,
    filter = function(action)
      local command = type(action.command) == 'table' and action.command.command or action.command
      return type(command) == 'string' and vim.startswith(command, 'codex.')
    end,
  })
end

--- What Codex does now, for a status line; '' when it does nothing.
function M.status()
  local _, progress = next(running)
  local said = progress
    or (last and last.busy and { title = 'Codex', message = last.message })
    or { title = '' }
  local percent = said.percentage and (' %d%%'):format(said.percentage) or ''
  local text = said.title .. (said.message and ': ' .. said.message or '') .. percent
  return (text:gsub('%%', '%%%%'))
end

--- Takes what the server says of itself (the notification `codex/status`).
function M.note(status)
  last = status
  vim.cmd.redrawstatus({ bang = true })
end

--- Takes a progress event (`LspProgress`), so that `status` can show it.
function M.follow(params)
  local known = running[params.token]
  running[params.token] = params.value.kind ~= 'end'
      and vim.tbl_extend('force', known or {}, params.value)
    or nil
  vim.cmd.redrawstatus({ bang = true })
end

return M
