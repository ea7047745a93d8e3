// The ways to sign in, to choose from. The server does the signing in; an API key goes straight to it.

import * as vscode from 'vscode';
import type { LanguageClient } from 'vscode-languageclient/node';

interface Way extends vscode.QuickPickItem {
  readonly begin: (client: LanguageClient) => Promise<unknown>;
}

const WAYS: readonly Way[] = [
  {
    label: 'Sign in with ChatGPT',
    detail: 'In your browser on this machine',
    begin: async () => vscode.commands.executeCommand('codex.auth.login'),
  },
  {
    label: 'Sign in with a code',
    detail: 'Typed in on any device: for remote machines',
    begin: async () => vscode.commands.executeCommand('codex.auth.loginDevice'),
  },
  { label: 'Use an API key', detail: 'Kept by Codex in its own place', begin: byKey },
];

export async function signIn(client: LanguageClient): Promise<void> {
  const way = await vscode.window.showQuickPick(WAYS, { title: 'Codex: sign in' });
  await way?.begin(client);
}

async function byKey(client: LanguageClient): Promise<void> {
  const apiKey = await vscode.window.showInputBox({
    title: 'Codex: sign in',
    prompt: 'Your OpenAI API key',
    password: true,
    ignoreFocusOut: true,
  });
  if (!apiKey) {
    return;
  }
  try {
    await client.sendRequest('codex/account/login/start', { type: 'apiKey', apiKey });
  } catch (error) {
    void vscode.window.showErrorMessage(error instanceof Error ? error.message : String(error));
  }
}
