/** `exec deploy/web -it -c main -- sh`: kubectl takes flags up to `--`, docker up to the container's name. Pure. */
import { UsageError } from "../errors.ts";

export interface PodExec {
  readonly words: readonly string[];
  readonly interactive: boolean;
  readonly tty: boolean;
  readonly container?: string;
  readonly namespace?: string;
}

const TAKES: Readonly<Record<string, "container" | "namespace">> = {
  "-c": "container",
  "--container": "container",
  "-n": "namespace",
  "--namespace": "namespace",
};

/** `words` is what follows the pod. Without `--` all of it is the command. @throws {UsageError} for a flag that is none */
export function podExecWords(words: readonly string[]): PodExec {
  const end = words.indexOf("--");
  if (end < 0 || (end > 0 && words[0]?.startsWith("-") !== true)) return { words, interactive: false, tty: false };
  const taken: { container?: string; namespace?: string } = {};
  let interactive = false;
  let tty = false;
  for (let at = 0; at < end; at++) {
    const [flag = "", value] = (words[at] ?? "").split(/=(.*)/s);
    const field = TAKES[flag];
    if (field !== undefined) taken[field] = value ?? words[++at] ?? "";
    else if (/^-[it]+$/.test(flag) || flag === "--stdin" || flag === "--tty") {
      interactive ||= flag === "--stdin" || /^-t?i/.test(flag);
      tty ||= flag === "--tty" || /^-i?t/.test(flag);
    } else throw new UsageError(`unknown flag: ${flag}`);
  }
  return { words: words.slice(end + 1), interactive, tty, ...taken };
}
