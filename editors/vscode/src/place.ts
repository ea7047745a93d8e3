// What a command is about: the selection of the editor in front, unless it says so itself, and a
// prompt in the person's words where there is none. See "Commands" in editors/PROTOCOL.md.

import * as vscode from 'vscode';
import type { LanguageClient } from 'vscode-languageclient/node';

const QUESTIONS: Readonly<Record<string, string>> = {
  'codex.edit': 'What should Codex change here?',
  'codex.ask': 'What do you want to know about this?',
  'codex.do': 'What should Codex do?',
  'codex.hunk.redo': 'What should be different?',
  'codex.thread.resume': 'How should Codex go on?',
  'codex.task.steer': 'What should Codex mind, too?',
};

type Argument = Readonly<Record<string, unknown>>;

/** The argument of `command`; undefined if the person was asked for a prompt and gave none. */
export async function argumentFor(
  command: string,
  given: unknown,
  client: LanguageClient,
): Promise<Argument | undefined> {
  // Menus pass the address of a file, which the editor in front knows better.
  const said = isArgument(given) ? given : {};
  const editor = vscode.window.activeTextEditor;
  const question = QUESTIONS[command];
  if (question === undefined || 'prompt' in said || 'preset' in said) {
    return { ...placeIn(editor, client), ...said };
  }
  const prompt = await vscode.window.showInputBox({ title: 'Codex', prompt: question });
  return prompt ? { ...placeIn(editor, client), ...said, prompt } : undefined;
}

function placeIn(editor: vscode.TextEditor | undefined, client: LanguageClient): Argument {
  if (editor === undefined) {
    return {};
  }
  const convert = client.code2ProtocolConverter;
  return { uri: convert.asUri(editor.document.uri), range: convert.asRange(editor.selection) };
}

function isArgument(given: unknown): given is Argument {
  return typeof given === 'object' && given !== null && !(given instanceof vscode.Uri);
}
