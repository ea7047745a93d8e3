// Finds the server, or offers to install it. Nothing is installed unasked, and what is installed is
// the very server that this extension was built with.

import * as fs from 'node:fs';
import * as path from 'node:path';
import * as vscode from 'vscode';

/** The absolute path of the server, or undefined. A workspace has no say in it. */
export function findServer(): string | undefined {
  const named = vscode.workspace.getConfiguration('codex').get<string>('server.path');
  return named ? named : onPath('codex-lsp');
}

/** Asks how to install the server, does it in a terminal, and calls `then` when that went well. */
export async function offerToInstall(
  extension: vscode.Uri,
  then: () => Promise<void>,
): Promise<void> {
  const ways = installersOf(wheelIn(extension));
  const set = 'Set its path…';
  const chosen = await vscode.window.showWarningMessage(
    'Codex needs the language server codex-lsp, which is not on your PATH.',
    ...ways.map(({ title }) => title),
    set,
  );
  const way = ways.find(({ title }) => title === chosen);
  if (way !== undefined) {
    await run(way.command, then);
  } else if (chosen === set) {
    await vscode.commands.executeCommand('workbench.action.openSettings', 'codex.server.path');
  }
}

interface Way {
  readonly title: string;
  readonly command: readonly [string, ...string[]];
}

function installersOf(wheel: string | undefined): Way[] {
  if (wheel === undefined) {
    return [];
  }
  const known = [
    ['uv', ['tool', 'install', '--force', wheel]],
    ['pipx', ['install', '--force', wheel]],
  ] as const;
  return known.flatMap(([name, args]) => {
    const program = onPath(name);
    return program ? [{ title: `Install with ${name}`, command: [program, ...args] as const }] : [];
  });
}

async function run([program, ...args]: Way['command'], then: () => Promise<void>): Promise<void> {
  const task = new vscode.Task(
    { type: 'codex-install' },
    vscode.TaskScope.Global,
    'install codex-lsp',
    'Codex',
    new vscode.ProcessExecution(program, args),
  );
  const execution = await vscode.tasks.executeTask(task);
  const ended = vscode.tasks.onDidEndTaskProcess((event) => {
    if (event.execution === execution) {
      ended.dispose();
      if (event.exitCode === 0) {
        void then();
      }
    }
  });
}

function wheelIn(extension: vscode.Uri): string | undefined {
  const folder = vscode.Uri.joinPath(extension, 'server').fsPath;
  const names = fs.existsSync(folder) ? fs.readdirSync(folder) : [];
  const wheel = names.find((name) => name.endsWith('.whl'));
  return wheel && path.join(folder, wheel);
}

// Only absolute folders count: a program that lies in the workspace is not to be run.
function onPath(name: string): string | undefined {
  const file = process.platform === 'win32' ? `${name}.exe` : name;
  return (process.env.PATH ?? '')
    .split(path.delimiter)
    .filter((folder) => path.isAbsolute(folder))
    .map((folder) => path.join(folder, file))
    .find(isProgram);
}

function isProgram(file: string): boolean {
  try {
    fs.accessSync(file, fs.constants.X_OK);
    return fs.statSync(file).isFile();
  } catch {
    return false;
  }
}
