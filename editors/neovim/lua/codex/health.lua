-- `:checkhealth codex`: is the server found, does it run here, and what does it say of itself.
local M = {}

local function first_line(command)
  local done = vim.system(command, { text = true }):wait(20000)
  return done.code == 0, vim.trim(done.stdout .. done.stderr)
end

function M.check()
  local health = vim.health
  health.start('codex-lsp')
  if vim.fn.has('nvim-0.11') == 0 then
    health.error('Neovim 0.11 or newer is needed', 'Install a newer Neovim')
  end
  local config = vim.lsp.config.codex
  local program = config and type(config.cmd) == 'table' and config.cmd[1] or 'codex-lsp'
  if vim.fn.executable(program) == 0 then
    return health.error(program .. ' is not on PATH', 'Install it: pipx install codex-lsp')
  end
  health.ok(program .. ' is at ' .. vim.fn.exepath(program))
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
    health.info('it serves no buffer yet: open a file')
  end
  health.info('what it logs: :Codex log (' .. vim.lsp.log.get_filename() .. ')')
  health.start('codex-lsp doctor')
  local fine, said = first_line({ program, 'doctor' })
  for line in vim.gsplit(said, '\n') do
    health.info(line)
  end
  if not fine then
    health.warn('the doctor found something; see above')
  end
end

return M
