" coc.nvim: `ga` asks for code actions, `gA` for those about the whole file or job; `:Codex edit …`
" with your request, `:Codex hunk.next`, `:Codex task.cancel` and so on run any command of Codex.
nmap ga <Plug>(coc-codeaction-cursor)
nmap gA <Plug>(coc-codeaction-source)
command! -range -nargs=+ Codex call s:run(<line1>, <line2>, <f-args>)

function! s:run(first, last, command, ...) abort
  let about = #{path: expand('%:p'), line: a:first, endLine: a:last}
  if a:0
    let about.prompt = join(a:000)
  endif
  call CocActionAsync('runCommand', 'codex.' . a:command, about)
endfunction
