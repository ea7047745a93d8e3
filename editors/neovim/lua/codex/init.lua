-- The client's side of what LSP has no form for: a command line, a status line and an input box.
-- All work is the server's; nothing here knows what a command does.
local M = {}

local last = nil -- what codex/status said last
local running = {} -- progress token -> what it says
local said = '' -- the newest notice
local LEVELS = { vim.log.levels.ERROR, vim.log.levels.WARN } -- of MessageType; the others inform

--- The client that serves `bufnr` (0: this buffer), or any that runs.
function M.client(bufnr)
  return vim.lsp.get_clients({ name = 'codex', bufnr = bufnr or 0 })[1]
    or vim.lsp.get_clients({ name = 'codex' })[1]
end

--- The names that `:Codex` takes: the server's commands without `codex.`, and `log`.
function M.names()
  local client = M.client()
  local provider = client and client.server_capabilities.executeCommandProvider
  local names = { 'log' }
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

-- What the server answers: a task it began says the rest itself, changes become a quickfix list.
local function show(result)
  if type(result) ~= 'table' or result.taskId or result.ok ~= nil then
    return
  elseif not vim.islist(result) or not (result[1] or {}).hunkId then
    return vim.print(result)
  end
  local items = vim.tbl_map(function(hunk)
    local text = hunk.state .. (hunk.reason ~= '' and ': ' .. hunk.reason or '')
    return { filename = hunk.path, lnum = hunk.line, end_lnum = hunk.endLine, text = text }
  end, result)
  vim.fn.setqflist({}, ' ', { title = 'Codex: changes', items = items })
  vim.cmd.copen()
end

--- Opens what the server wrote into Neovim's log of language servers.
function M.log()
  vim.cmd.tabedit({ vim.lsp.log.get_filename(), magic = { file = false } })
  vim.cmd.normal({ 'G', bang = true })
end

--- Runs the command `codex.<name>` at lines `first` to `last` (from 1; nil: the cursor's line).
--- `extra` goes into its argument: `prompt`, `taskId` and so on.
function M.run(name, extra, first, last_line)
  if name == 'log' then
    return M.log()
  end
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
      else
        show(result)
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
  local shown = progress
    or (last and last.busy and { title = 'Codex', message = last.message })
    or { title = '' }
  local percent = shown.percentage and (' %d%%'):format(shown.percentage) or ''
  local text = shown.title .. (shown.message and ': ' .. shown.message or '') .. percent
  return (text:gsub('%%', '%%%%'))
end

--- Takes what the server says of itself (the notification `codex/status`), and passes it on as the
--- `User` event `CodexStatus`.
function M.note(status)
  last = status
  vim.cmd.redrawstatus({ bang = true })
  vim.api.nvim_exec_autocmds('User', { pattern = 'CodexStatus', data = status })
end

--- Takes a message of the server (`window/showMessage`).
function M.message(params)
  said = params.message
  vim.notify(said, LEVELS[params.type] or vim.log.levels.INFO, { title = 'Codex' })
end

-- Says how a task ended, unless the server has just said as much.
local function ended(title, message)
  if message and vim.g.codex_notices ~= false and not said:find(message, 1, true) then
    said = title .. ': ' .. message
    local line = vim.fn.strcharpart(said, 0, vim.v.echospace) -- more would ask for <Enter>
    vim.notify(line, vim.log.levels.INFO, { title = 'Codex' })
  end
  said = ''
end

--- Takes a progress event (`LspProgress`), so that `status` can show it, and its end be told.
function M.follow(params)
  local known = running[params.token]
  if params.value.kind == 'end' then
    running[params.token] = nil
    ended((known or {}).title or 'Codex', params.value.message)
  else
    running[params.token] = vim.tbl_extend('force', known or {}, params.value)
  end
  vim.cmd.redrawstatus({ bang = true })
end

return M
