" vim-lsp: Codex beside the language's own server. `ga` asks for code actions; `:Codex edit …` with
" your request, `:Codex hunk.next`, `:Codex task.cancel` and so on run any command of Codex.
nnoremap ga <Cmd>LspCodeAction --ui=float<CR>
command! -range -nargs=+ Codex call s:run(<line1>, <line2>, <f-args>)
augroup codex
  autocmd!
  autocmd User lsp_setup call s:register()
augroup END

function! s:register() abort
  let able = lsp#default_get_supported_capabilities({})
  let able.window = extend(get(able, 'window', {}), #{showDocument: #{support: v:true}})
  call lsp#register_server(#{
        \ name: 'codex', cmd: ['codex-lsp'], allowlist: ['python'], capabilities: able})
  call lsp#callbag#pipe(lsp#stream(),
        \ lsp#callbag#filter({x -> !has_key(x, 'response')
        \   && get(get(x, 'request', {}), 'method', '') ==# 'window/showDocument'}),
        \ lsp#callbag#subscribe({'next': {x -> s:show(x.server, x.request)}}))
endfunction

function! s:run(first, last, command, ...) abort
  let about = #{path: expand('%:p'), line: a:first, endLine: a:last}
  if a:0
    let about.prompt = join(a:000)
  endif
  call lsp#send_request('codex', #{method: 'workspace/executeCommand',
        \ params: #{command: 'codex.' . a:command, arguments: [about]}})
endfunction

" Opens the pages and places that Codex names; vim-lsp leaves this to you.
function! s:show(server, request) abort
  let asked = a:request.params
  let opens = !get(asked, 'external', v:false)
  if opens
    execute 'hide edit' fnameescape(lsp#utils#uri_to_path(asked.uri))
  endif
  if opens && has_key(asked, 'selection')
    call cursor(asked.selection.start.line + 1, 1)
  endif
  call lsp#send_request(a:server, #{id: a:request.id, result: #{success: opens}})
endfunction
