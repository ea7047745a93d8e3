" yegappan/lsp: Codex beside the language's own server. `ga` asks for code actions; `:Codex edit …`
" with your request, `:Codex hunk.next`, `:Codex task.cancel` and so on run any command of Codex.
nnoremap ga <Cmd>LspCodeAction<CR>
command! -range -nargs=+ Codex call s:run(<line1>, <line2>, <f-args>)

function! s:run(first, last, command, ...) abort
  let about = #{path: expand('%:p'), line: a:first, endLine: a:last}
  if a:0
    let about.prompt = join(a:000)
  endif
  call lsp#buffer#CurbufGetServerByName('codex').executeCommand(
        \ #{command: 'codex.' . a:command, arguments: [about]})
endfunction

" Opens the pages and places that Codex names.
function! s:show(server, request) abort
  let asked = a:request.params
  let opens = !get(asked, 'external', v:false)
  if opens
    execute 'hide edit' fnameescape(lsp#util#LspUriToFile(asked.uri))
  endif
  if opens && has_key(asked, 'selection')
    call cursor(asked.selection.start.line + 1, 1)
  endif
  call a:server.sendResponse(a:request, #{success: opens}, {})
endfunction

call LspAddServer([#{name: 'codex', filetype: ['python'], path: 'codex-lsp', args: [],
      \ customRequestHandlers: {'window/showDocument': function('s:show')}}])
