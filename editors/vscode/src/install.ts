// Finds the server, or offers to install it. Nothing is installed unasked, and what is installed is
// the very server that this extension was built with.

import { execFile } from 'node:child_process';
import * as fs from 'node:fs';
import { homedir } from 'node:os';
import * as path from 'node:path';
import { promisify } from 'node:util';
import * as vscode from 'vscode';

/** The absolute path of the server, or undefined. A workspace has no say in it. */
export function findServer(): string | undefined {
  const named = vscode.workspace.getConfiguration('codex').get<string>('server.path');
  return named ? named : onPath('codex-lsp');
}

/** Asks how to install the server, does it, and calls `then` when that went well. */
export async function offerToInstall(
  extension: vscode.Uri,
  log: vscode.LogOutputChannel,
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
    if (await run(way.command, log)) {
      await then();
    }
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

/** Whether the installer ended well; what it says is in the log. */
async function run([program, ...args]: Way['command'], log: vscode.LogOutputChannel): Promise<boolean> {
  const title = 'Codex: installing codex-lsp';
  const location = vscode.ProgressLocation.Notification;
  return vscode.window.withProgress({ location, title }, async () => {
    try {
      const { stdout, stderr } = await promisify(execFile)(program, args);
      log.info(`${program} ${args.join(' ')}\n${stdout}${stderr}`);
      return true;
    } catch (error) {
      log.error(String(error)); // with the command line, and what it said of its failure
      const look = 'Show Log';
      void vscode.window
        .showErrorMessage('Codex: the server could not be installed.', look)
        .then((chosen) => chosen === look && log.show());
      return false;
    }
  });
}

function wheelIn(extension: vscode.Uri): string | undefined {
  const folder = vscode.Uri.joinPath(extension, 'server').fsPath;
  const names = fs.existsSync(folder) ? fs.readdirSync(folder) : [];
  const wheel = names.find((name) => name.endsWith('.whl'));
  return wheel && path.join(folder, wheel);
}

// Where uv and pipx put programs is looked at, too: it need not be on PATH. Only absolute folders
// count: a program that lies in the workspace is not to be run.
function onPath(name: string): string | undefined {
  const file = process.platform === 'win32' ? `${name}.exe` : name;
  return [...(process.env.PATH ?? '').split(path.delimiter), path.join(homedir(), '.local', 'bin')]
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
