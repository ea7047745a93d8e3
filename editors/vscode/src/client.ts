// The connection to the server. Its commands get the place where the person is, and a prompt where
// they need one; its progress is shown with a button that cancels it.

import * as vscode from 'vscode';
import {
  ExecuteCommandRequest,
  LanguageClient,
  WorkDoneProgressCancelNotification,
  type LanguageClientOptions,
  type LSPAny,
} from 'vscode-languageclient/node';
import { argumentFor } from './place';
import type { Status } from './status';

export function connect(
  program: string,
  log: vscode.LogOutputChannel,
  status: Status,
): LanguageClient {
  const options: LanguageClientOptions = {
    documentSelector: [{ scheme: 'file' }],
    diagnosticCollectionName: 'codex',
    outputChannel: log,
    // Each of which its setting can still turn off.
    initializationOptions: { codeLens: true, edits: { preview: true } },
    middleware: {
      executeCommand: (command, given) => execute(client, command, given),
      handleWorkDoneProgress: (token, value) =>
        status.progress(token, value, () =>
          client.sendNotification(WorkDoneProgressCancelNotification.type, { token }),
        ),
    },
  };
  const client = new LanguageClient('codex', 'Codex', { command: program, args: ['serve'] }, options);
  return client; // which the middleware knows by its name
}

async function execute(client: LanguageClient, command: string, given: unknown[]): Promise<unknown> {
  const argument = await argumentFor(command, given[0], client);
  if (argument === undefined) {
    return undefined; // the person thought better of it
  }
  try {
    return await client.sendRequest(ExecuteCommandRequest.type, {
      command,
      arguments: [argument as LSPAny],
    });
  } catch (error) {
    void vscode.window.showErrorMessage(error instanceof Error ? error.message : String(error));
    return undefined;
  }
}
