// One item in the status bar: what is being done, whether the person is needed, who is signed in, what
// was used; in the server's words. A click cancels what is being done; else, and where the person is
// needed, it shows a menu. Each task also has a notification with a button.

import * as vscode from 'vscode';
import type {
  LanguageClient,
  ProgressToken,
  WorkDoneProgressBegin,
  WorkDoneProgressEnd,
  WorkDoneProgressReport,
} from 'vscode-languageclient/node';

type Value = WorkDoneProgressBegin | WorkDoneProgressReport | WorkDoneProgressEnd;

/** `codex/account/read`: `account` is null where nobody is signed in. */
interface Account {
  readonly account: object | null;
  readonly message: string;
}

/** The notification `codex/status`. */
export interface Told {
  readonly kind: 'Normal' | 'Warning' | 'Error';
  readonly message: string;
  readonly usage?: { readonly message: string };
}

interface Task {
  readonly title: string;
  readonly cancel: () => unknown;
  readonly end: () => void;
  report: (message: string) => void;
}

const ENDED_MS = 5_000; // how long the status bar says how a task ended

export class Status implements vscode.Disposable {
  private readonly item = vscode.window.createStatusBarItem('codex', vscode.StatusBarAlignment.Right);
  private readonly tasks = new Map<ProgressToken, Task>();
  private server: 'running' | 'stopped' = 'stopped';
  private account: Account | undefined;
  private told: Told | undefined;

  constructor() {
    this.item.name = 'Codex';
    this.item.command = 'codex.menu';
    this.draw();
    this.item.show();
  }

  dispose(): void {
    this.item.dispose();
  }

  /** The server started or ended. */
  show(server: 'running' | 'stopped'): void {
    this.server = server;
    if (server === 'stopped') {
      this.tasks.forEach(({ end }) => end());
      this.tasks.clear();
      this.account = this.told = undefined;
    }
    this.draw();
  }

  async readAccount(client: LanguageClient): Promise<void> {
    this.account = await client.sendRequest<Account>('codex/account/read', {});
    this.draw();
  }

  /** The server says how it is. */
  note(told: Told): void {
    this.told = told;
    this.draw();
  }

  /** A task of the server began, goes on, or ended; `cancel` asks the server to end it. */
  progress(token: ProgressToken, value: Value, cancel: () => unknown): void {
    switch (value.kind) {
      case 'begin':
        this.tasks.set(token, begin(value, cancel));
        break;
      case 'report':
        this.tasks.get(token)?.report(value.message ?? '');
        break;
      case 'end':
        this.tasks.get(token)?.end();
        this.tasks.delete(token);
        if (value.message) {
          vscode.window.setStatusBarMessage(`Codex: ${value.message}`, ENDED_MS);
        }
    }
    this.draw();
  }

  /** What a click on the item does. */
  async menu(): Promise<void> {
    const [first, ...more] = this.tasks.values();
    if (first !== undefined && more.length === 0 && !this.needed) {
      first.cancel();
      return;
    }
    const cancels = [...this.tasks.values()].map(({ title, cancel }) => ({
      label: `$(stop-circle) Cancel ${title}`,
      act: cancel,
    }));
    const chosen = await vscode.window.showQuickPick(
      [...cancels, ...this.commands().map(([label, command]) => ({
        label,
        act: () => vscode.commands.executeCommand(command),
      }))],
      { title: 'Codex', placeHolder: this.hints().join(' ') },
    );
    await chosen?.act();
  }

  private commands(): [string, string][] {
    if (this.server === 'stopped') {
      return [
        ['$(debug-restart) Start the server', 'codex.server.restart'],
        ['$(output) Show the log', 'codex.log.show'],
      ];
    }
    const question: [string, string][] = this.needed
      ? [['$(bell) Show what waits for you', 'notifications.showList']]
      : [];
    return [
      ...question,
      this.account?.account
        ? ['$(sign-out) Sign out', 'codex.auth.logout']
        : ['$(account) Sign in…', 'codex.auth.signIn'],
      ['$(dashboard) Show usage', 'codex.usage'],
      ['$(discard) Undo the last turn', 'codex.turn.undo'],
      ['$(debug-restart) Restart the server', 'codex.server.restart'],
      ['$(output) Show the log', 'codex.log.show'],
    ];
  }

  private draw(): void {
    const [task] = this.tasks.values();
    const more = this.tasks.size > 1 ? ` +${this.tasks.size - 1}` : '';
    const icon =
      this.server === 'stopped' ? 'warning' : this.needed ? 'bell' : task ? 'sync~spin' : 'sparkle';
    this.item.text = `$(${icon}) ${task ? task.title : 'Codex'}${more}`;
    this.item.backgroundColor = this.needed
      ? new vscode.ThemeColor('statusBarItem.warningBackground')
      : undefined;
    const cancels = task && !this.needed ? ['Click to cancel'] : [];
    this.item.tooltip = [...cancels, ...this.hints()].join('\n');
  }

  /** Something waits for the person: a click must not cancel that. */
  private get needed(): boolean {
    return this.told?.kind === 'Warning';
  }

  private hints(): string[] {
    if (this.server === 'stopped') {
      return ['codex-lsp is not running'];
    }
    const state = this.told?.kind === 'Normal' ? undefined : this.told?.message;
    return [state, this.account?.message, this.told?.usage?.message].filter(
      (hint) => hint !== undefined,
    );
  }
}

// A notification, because VS Code offers to cancel nothing else.
function begin({ title, message }: WorkDoneProgressBegin, cancel: () => unknown): Task {
  let end = (): void => undefined;
  const task: Task = {
    title,
    cancel,
    end: () => end(),
    report: () => undefined,
  };
  const ended = new Promise<void>((resolve) => (end = resolve));
  void vscode.window.withProgress(
    { location: vscode.ProgressLocation.Notification, title, cancellable: true },
    (progress, cancelled) => {
      task.report = (now) => progress.report({ message: now });
      task.report(message ?? '');
      cancelled.onCancellationRequested(cancel);
      return ended;
    },
  );
  return task;
}
