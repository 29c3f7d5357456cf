/** A real terminal without anybody before it: tmux on a socket of its own. */
import { execFileSync } from "node:child_process";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { temporaryFolder } from "./root.ts";

export interface Terminal extends Disposable {
  /** What is to be seen, trailing blanks and lines cut; what scrolled away comes first. `escapes` keeps colours. */
  screen(options?: { readonly escapes?: boolean }): string;
  type(...keys: readonly string[]): void;
  resize(columns: number, rows: number): void;
}

export interface TerminalOptions {
  readonly columns: number;
  readonly rows: number;
  readonly env: NodeJS.ProcessEnv;
}

/** Runs `command` by sh; when it ends the screen stays, with its status on the last line. */
export function openTerminal(command: string, { columns, rows, env }: TerminalOptions): Terminal {
  const folder = temporaryFolder();
  const tmux = (...args: readonly string[]): string =>
    execFileSync("tmux", ["-S", join(folder, "tmux"), "-f", "/dev/null", ...args], { encoding: "utf8", env: { ...env, TERM: "xterm-256color" } });
  tmux("new-session", "-d", "-s", "test", "-x", String(columns), "-y", String(rows), `trap : INT; ${command}; echo "ended with $?"; exec cat`);
  return {
    screen: ({ escapes = false } = {}) =>
      tmux("capture-pane", "-p", "-S", "-", ...(escapes ? ["-e"] : []))
        .split("\n")
        .map((line) => line.trimEnd())
        .join("\n")
        .trimEnd(),
    type: (...keys) => void tmux("send-keys", ...keys),
    resize: (width, height) => void tmux("resize-window", "-t", "test", "-x", String(width), "-y", String(height)),
    [Symbol.dispose]() {
      tmux("kill-server");
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
