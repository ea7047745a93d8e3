// Puts the parts together: one language server a window, and what VS Code shows of it.
// Whatever can be decided by the server is decided there.

import * as vscode from 'vscode';
import { State, type LanguageClient } from 'vscode-languageclient/node';
import { connect } from './client';
import { feedDiagnostics } from './diagnostics';
import { findServer, offerToInstall } from './install';
import { signIn } from './login';
import { Status, type Told } from './status';

let client: LanguageClient | undefined; // the one of this window

export async function activate(context: vscode.ExtensionContext): Promise<void> {
  const log = vscode.window.createOutputChannel('Codex', { log: true });
  const status = new Status();
  let feed: vscode.Disposable | undefined;

  const startAnew = async (): Promise<void> => {
    feed?.dispose();
    await client?.dispose();
    client = feed = undefined;
    status.show('stopped');
    const server = findServer();
    if (server === undefined) {
      void offerToInstall(context.extensionUri, log, start);
      return;
    }
    const next = (client = connect(server, log, status));
    next.onDidChangeState(({ newState }) => {
      const running = newState === State.Running;
      void vscode.commands.executeCommand('setContext', 'codex.running', running);
      status.show(running ? 'running' : 'stopped');
      if (running) {
        void status.readAccount(next);
      }
    });
    next.onNotification('codex/account/updated', () => status.readAccount(next));
    next.onNotification('codex/status', (told: Told) => status.note(told));
    feed = feedDiagnostics(next);
    await next.start();
  };
  // One after the other: a server that is starting is not to be left behind.
  let started: Promise<void> = Promise.resolve();
  const start = (): Promise<void> => (started = started.then(startAnew, startAnew));

  context.subscriptions.push(
    log,
    status,
    new vscode.Disposable(() => feed?.dispose()),
    vscode.commands.registerCommand('codex.server.restart', start),
    vscode.commands.registerCommand('codex.log.show', () => log.show()),
    vscode.commands.registerCommand('codex.auth.signIn', () => client && signIn(client)),
    vscode.commands.registerCommand('codex.menu', () => status.menu()),
    vscode.workspace.onDidChangeConfiguration((event) => {
      if (event.affectsConfiguration('codex.server.path')) {
        void start();
      }
    }),
  );
  await start();
}

export function deactivate(): Promise<void> | undefined {
  return client?.stop();
}
