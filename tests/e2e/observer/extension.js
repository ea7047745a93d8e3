// For the tests only: runs what they send over a socket, with all of VS Code's API in reach. Each
// line is `{id, code, args}`, answered by `{id, result}` or `{id, error}`.

const fs = require('node:fs');
const net = require('node:net');
const readline = require('node:readline');
const vscode = require('vscode');

const AsyncFunction = (async () => {}).constructor;
const seen = { linter: vscode.languages.createDiagnosticCollection('linter') };

exports.activate = () => {
  fs.rmSync(process.env.CODEX_LSP_TESTS_OBSERVER, { force: true });
  net
    .createServer((socket) => {
      readline.createInterface({ input: socket }).on('line', async (line) => {
        const { id, code, args } = JSON.parse(line);
        try {
          const result = await new AsyncFunction('vscode', 'seen', 'args', code)(vscode, seen, args);
          socket.write(`${JSON.stringify({ id, result: result ?? null })}\n`);
        } catch (error) {
          socket.write(`${JSON.stringify({ id, error: String(error?.stack ?? error) })}\n`);
        }
      });
    })
    .listen(process.env.CODEX_LSP_TESTS_OBSERVER);
};
