/** Runs strata as a user does: a process, its output, its exit status. */
import { execFile, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import { ENVIRONMENT, remember, STRATA } from "./place.ts";

const run = promisify(execFile);

/** Standard output, trimmed. @throws with what the command said when it fails */
export async function strata(...args: readonly string[]): Promise<string> {
  try {
    const { stdout } = await run(process.execPath, [STRATA, ...args], { env: ENVIRONMENT, maxBuffer: 64 << 20 });
    return stdout.trim();
  } catch (error) {
    const said = error instanceof Error && "stderr" in error ? String(error.stderr) : String(error);
    throw new Error(`strata ${args.join(" ")} failed:\n${said}`, { cause: error });
  }
}

/** Starts a server and resolves with the first match of `ready` in what it prints. */
export async function serve(args: readonly string[], ready: RegExp): Promise<RegExpExecArray> {
  const server = spawn(process.execPath, [STRATA, ...args], { env: ENVIRONMENT, stdio: ["ignore", "pipe", "pipe"] });
  if (server.pid !== undefined) remember(server.pid);
  server.unref();
  const lines: string[] = [];
  return await new Promise((resolve, reject) => {
    const read = (line: string): void => {
      lines.push(line);
      const match = ready.exec(line);
      if (match !== null) resolve(match);
    };
    createInterface(server.stdout).on("line", read);
    createInterface(server.stderr).on("line", read);
    server.once("exit", (code) => {
      reject(new Error(`strata ${args.join(" ")} ended with ${code}:\n${lines.join("\n")}`));
    });
  });
}
