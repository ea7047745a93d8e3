-- `:checkhealth codex`: is the server found, does it run here, and what does it say of itself.
local M = {}

local PATIENCE = 30000 -- ms for the doctor, who looks at the network too

-- `cmd` with another verb: what is set up for the server counts for its doctor.
local function doctor(cmd)
  local words = {}
  for _, word in ipairs(cmd) do
    if word == 'serve' then
      break
    end
    words[#words + 1] = word
  end
  words[#words + 1] = 'doctor'
  return words
end

local function examine(health, config)
  health.start('codex-lsp doctor')
  local options = { text = true, env = config.cmd_env }
  local done = vim.system(doctor(config.cmd), options):wait(PATIENCE)
  for line in vim.gsplit(vim.trim(done.stdout .. done.stderr), '\n') do
    health.info(line)
  end
  if done.code ~= 0 then
    health.warn('the doctor found something, or did not come to an end; see above')
  end
end

function M.check()
  local health = vim.health
  health.start('codex-lsp')
  if vim.fn.has('nvim-0.11') == 0 then
    return health.error('Neovim 0.11 or newer is needed', 'Install a newer Neovim')
  end
  local config = vim.lsp.config.codex
  if not config or not config.cmd then
    local advice = 'Put the whole plugin on the runtimepath: see :help codex-install'
    return health.error('there is no lsp/codex.lua', advice)
  end
  if vim.lsp.is_enabled('codex') then
    health.ok("it is enabled: vim.lsp.enable('codex')")
  else
    health.warn('it is not enabled', "Put vim.lsp.enable('codex') into your init.lua")
  end
  local client = require('codex').client()
  if client then
    local version = (client.server_info or {}).version or '?'
    health.ok(('version %s serves %s'):format(version, client.root_dir or 'single files'))
  else
    health.info('it serves no buffer now: open a file; what ended is started by :Codex restart')
  end
  health.info('what it logs: :Codex log (' .. vim.lsp.log.get_filename() .. ')')
  if type(config.cmd) ~= 'table' then
    return health.info('it is started by a function of yours')
  end
  local program = config.cmd[1]
  if vim.fn.executable(program) == 0 then
    return health.error(program .. ' is not on PATH', 'Install it: pipx install codex-lsp')
  end
  health.ok(program .. ' is at ' .. vim.fn.exepath(program))
  examine(health, config)
end

return M
