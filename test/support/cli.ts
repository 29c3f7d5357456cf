/** strata as a user runs it: a process, its output, its status. */
import { execFile, spawn, type ChildProcess } from "node:child_process";
import { createInterface } from "node:readline";
import { strata, type TemporaryRoot } from "./root.ts";

export interface Outcome {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs `strata ARGS` on a root; never throws for an exit status. */
export async function runStrata(
  root: TemporaryRoot,
  args: readonly string[],
  options: { readonly input?: string; readonly env?: NodeJS.ProcessEnv; readonly cwd?: string } = {},
): Promise<Outcome> {
  return await new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      [strata, ...args],
      { env: { ...root.env, ...options.env }, cwd: options.cwd, maxBuffer: 64 << 20, timeout: 300_000 },
      (error, stdout, stderr) => {
        const status = error === null ? 0 : typeof error.code === "number" ? error.code : 255;
        resolve({ status, stdout, stderr });
      },
    );
    child.stdin?.on("error", () => {}); // it may end before it has read all of it
    child.stdin?.end(options.input ?? "");
  });
}

/** Standard output, trimmed. @throws with what was said when the status is not 0 */
export async function strataOutput(root: TemporaryRoot, ...args: readonly string[]): Promise<string> {
  const { status, stdout, stderr } = await runStrata(root, args);
  if (status !== 0) throw new Error(`strata ${args.join(" ")} ended with ${status}:\n${stderr}${stdout}`);
  return stdout.trim();
}

export interface Server extends AsyncDisposable {
  readonly process: ChildProcess;
  readonly match: RegExpExecArray;
}

/** Starts a server verb and waits for a line that matches `ready`; dispose ends it with SIGTERM. */
export async function serveStrata(
  root: TemporaryRoot,
  args: readonly string[],
  ready: RegExp,
  /** Done again and again until the line has come. */
  options: { readonly meanwhile?: () => Promise<void> } = {},
): Promise<Server> {
  const child = spawn(process.execPath, [strata, ...args], { env: root.env, stdio: ["ignore", "pipe", "pipe"] });
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const lines: string[] = [];
  const found = new Promise<RegExpExecArray>((resolve, reject) => {
    const read = (line: string): void => {
      lines.push(line);
      const found = ready.exec(line);
      if (found !== null) resolve(found);
    };
    createInterface(child.stdout).on("line", read);
    createInterface(child.stderr).on("line", read);
    child.once("exit", (code) => {
      reject(new Error(`strata ${args.join(" ")} ended with ${code}:\n${lines.join("\n")}`));
    });
  });
  let isFound = false;
  const match = found.finally(() => (isFound = true));
  const repeat = async (): Promise<void> => {
    while (!isFound && options.meanwhile !== undefined) await options.meanwhile();
  };
  await Promise.all([match, repeat()]);
  return {
    process: child,
    match: await match,
    async [Symbol.asyncDispose](): Promise<void> {
      child.kill("SIGTERM");
      const stuck = setTimeout(() => child.kill("SIGKILL"), 60_000);
      await ended;
      clearTimeout(stuck);
    },
  };
}
