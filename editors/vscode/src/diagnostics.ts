// Passes on what other servers and linters report, so that a fix can be told what is wrong.

import * as vscode from 'vscode';
import { State, type LanguageClient } from 'vscode-languageclient/node';

const OURS = 'Codex'; // the source of the changes that the server shows for review

export function feedDiagnostics(client: LanguageClient): vscode.Disposable {
  const feed = (document: vscode.TextDocument): void => {
    if (client.state !== State.Running || document.uri.scheme !== 'file') {
      return;
    }
    const others = vscode.languages
      .getDiagnostics(document.uri)
      .filter((diagnostic) => diagnostic.source !== OURS);
    const convert = client.code2ProtocolConverter;
    void convert.asDiagnostics(others).then((diagnostics) =>
      client.sendNotification('codex/didChangeDiagnostics', {
        uri: convert.asUri(document.uri),
        diagnostics,
      }),
    );
  };
  const feedAll = (): void => vscode.workspace.textDocuments.forEach(feed);
  return vscode.Disposable.from(
    vscode.workspace.onDidOpenTextDocument(feed),
    vscode.languages.onDidChangeDiagnostics(({ uris }) => {
      const changed = new Set(uris.map(String));
      vscode.workspace.textDocuments.filter(({ uri }) => changed.has(String(uri))).forEach(feed);
    }),
    client.onDidChangeState(feedAll),
  );
}
