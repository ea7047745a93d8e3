-- The client's side of what LSP has no form for: a command line, a status line and an input box.
-- All work is the server's; nothing here knows what a command does.
local M = {}

local servers = {} -- client id -> { status: what codex/status said last, running: by token }
local said = '' -- the newest notice that a task's end must not repeat
local told = '' -- the newest notice, whole
local LEVELS = { vim.log.levels.ERROR, vim.log.levels.WARN } -- of MessageType; the others inform

--- The client that serves `bufnr` (0: this buffer), or any that runs.
function M.client(bufnr)
  return vim.lsp.get_clients({ name = 'codex', bufnr = bufnr or 0 })[1]
    or vim.lsp.get_clients({ name = 'codex' })[1]
end

-- Neovim's own notices wait for <Enter> where they take more room than the command line has.
local function notify(message, level)
  told = message
  local source = debug.getinfo(vim.notify, 'S').source -- a file's, if a plugin shows notices
  local built_in = source:sub(1, 1) ~= '@' or vim.startswith(source, '@vim/')
  local line = message:gsub('%s*\n%s*', ' ')
  if built_in and vim.fn.strdisplaywidth(line) > vim.v.echospace then
    local more = '… (:Codex message)'
    line = vim.fn.printf('%.*S', vim.v.echospace - vim.fn.strdisplaywidth(more), line) .. more
  end
  vim.notify(built_in and line or message, level, { title = 'Codex' })
end

-- Asked for a second time under the same name, the cursor goes into it.
local function float(name, text, syntax)
  local options = { focus_id = 'codex.' .. name, border = 'rounded' }
  vim.lsp.util.open_floating_preview(vim.split(text, '\n'), syntax, options)
end

-- What `:Codex` does besides the server's commands.
local own = {}

--- Opens what the server wrote into Neovim's log of language servers.
function own.log()
  vim.cmd.tabedit({ vim.lsp.log.get_filename(), magic = { file = false } })
  vim.cmd.normal({ 'G', bang = true })
end

--- Shows all of the newest notice.
function own.message()
  float('message', told == '' and 'Codex has said nothing yet.' or told, 'markdown')
end

--- Ends the server, if it runs, and starts it anew.
function own.restart()
  vim.lsp.enable('codex', false)
  vim.lsp.enable('codex')
end

--- The names that `:Codex` takes: the server's commands without `codex.`, and our own.
function M.names()
  local client = M.client()
  local provider = client and client.server_capabilities.executeCommandProvider
  local names = vim.tbl_keys(own)
  for _, command in ipairs(provider and provider.commands or {}) do
    names[#names + 1] = (command:gsub('^codex%.', ''))
  end
  table.sort(names)
  return names
end

-- The lines that a command is about, as the server's commands take them.
local function place(first, last_line)
  if vim.bo.buftype ~= '' then
    return vim.empty_dict() -- no file: the server knows the last place itself
  end
  first = first or vim.api.nvim_win_get_cursor(0)[1]
  return { uri = vim.uri_from_bufnr(0), line = first, endLine = last_line or first }
end

-- The client to ask; without one the person is told what to do.
local function needed()
  local client = M.client()
  if not client then
    local hint = 'Codex: no server runs here: :Codex restart, or :checkhealth codex'
    notify(hint, vim.log.levels.ERROR)
  end
  return client
end

--- Runs the command `codex.<name>` at lines `first` to `last` (from 1; nil: the cursor's line).
--- `extra` goes into its argument: `prompt`, `taskId` and so on.
function M.run(name, extra, first, last_line)
  if own[name] then
    return own[name]()
  end
  local client = needed()
  if client and not vim.list_contains(M.names(), name) then
    notify('Codex: no command ' .. name .. '. :Codex <Tab> names all.', vim.log.levels.ERROR)
  elseif client then
    local argument = vim.tbl_extend('error', place(first, last_line), extra or {})
    local command = { title = name, command = 'codex.' .. name, arguments = { argument } }
    client:exec_cmd(command, { bufnr = vim.api.nvim_get_current_buf() })
  end
end

-- Whether a code action is one of ours.
local function is_ours(action)
  local command = type(action.command) == 'table' and action.command.command or action.command
  return type(command) == 'string' and vim.startswith(command, 'codex.')
end

--- Opens the menu of what Codex can do here, and nothing of other servers.
function M.menu(range)
  if needed() then
    vim.lsp.buf.code_action({ range = range, filter = is_ours })
  end
end

--- Sends a command, and asks by `question` for the request that it lacks (see |vim.lsp.commands|).
function M.ask(question, command, context)
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

-- Changes as a quickfix list.
local function list(hunks)
  local items = vim.tbl_map(function(hunk)
    local text = hunk.state .. (hunk.reason ~= '' and ': ' .. hunk.reason or '')
    return { filename = hunk.path, lnum = hunk.line, end_lnum = hunk.endLine, text = text }
  end, hunks)
  vim.fn.setqflist({}, ' ', { title = 'Codex: changes', items = items })
  vim.cmd.copen()
end

--- Takes the answer to a command: a list of changes becomes a quickfix list, what else was asked
--- for is shown. Of a task that it began, and of what has a message, the server says the rest.
function M.answered(err, result, command)
  if err then
    notify('Codex: ' .. err.message, vim.log.levels.ERROR)
  elseif type(result) ~= 'table' or result.taskId or result.message or result.ok ~= nil then
    return
  elseif vim.tbl_isempty(result) then
    notify('Codex: there is none.', vim.log.levels.INFO)
  elseif vim.islist(result) and result[1].hunkId then
    list(result)
  else
    float(command, vim.inspect(result), 'lua')
  end
end

-- What is known of a server.
local function state_of(client_id)
  servers[client_id] = servers[client_id] or { running = {}, status = {} }
  return servers[client_id]
end

-- What an ended server said counts no more.
local function forget_ended()
  for client_id in pairs(servers) do
    local client = vim.lsp.get_client_by_id(client_id)
    if not client or client:is_stopped() then
      servers[client_id] = nil
    end
  end
end

--- What Codex does now, or needs, for a status line; '' when it does nothing.
function M.status()
  forget_ended()
  for _, server in pairs(servers) do
    local _, progress = next(server.running)
    local status = server.status
    -- That the person is needed matters more than what is being done.
    local shown = status.kind ~= 'Warning' and progress
      or (status.busy and { title = 'Codex', message = status.message })
    if shown then
      local percent = shown.percentage and (' %d%%'):format(shown.percentage) or ''
      local text = shown.title .. (shown.message and ': ' .. shown.message or '') .. percent
      return (text:gsub('%%', '%%%%'))
    end
  end
  return ''
end

--- Takes what a server says of itself (the notification `codex/status`), and passes it on as the
--- `User` event `CodexStatus`.
function M.note(status, client_id)
  state_of(client_id).status = status
  vim.cmd.redrawstatus({ bang = true })
  vim.api.nvim_exec_autocmds('User', { pattern = 'CodexStatus', data = status })
end

--- Takes a message of the server (`window/showMessage`).
function M.message(params)
  said = params.message
  notify(said, LEVELS[params.type] or vim.log.levels.INFO)
end

-- Says how a task ended, unless the server has just said as much.
local function ended(title, message)
  if message and vim.g.codex_notices ~= false and not said:find(message, 1, true) then
    notify(title .. ': ' .. message, vim.log.levels.INFO)
  end
  said = ''
end

--- Takes a progress event (`LspProgress`), so that `status` can show it, and its end be told.
function M.follow(params, client_id)
  local running = state_of(client_id).running
  local known = running[params.token] or {}
  if params.value.kind == 'end' then
    running[params.token] = nil
    ended(known.title or 'Codex', params.value.message)
  else
    running[params.token] = vim.tbl_extend('force', known, params.value)
  end
  vim.cmd.redrawstatus({ bang = true })
end

return M
