/** Runs commands to their end; what they print is kept. */
import { spawn } from "node:child_process";
import { ConformanceError } from "./errors.ts";

export interface Ran {
  readonly ok: boolean;
  readonly output: string;
}

export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly timeoutMs?: number;
}

/** Never throws for a command that fails: that two builders refuse is a result. One that outlives its time has failed. */
export async function attempt(argv: readonly string[], { env = {}, cwd, timeoutMs = 300_000 }: RunOptions = {}): Promise<Ran> {
  const [command = "", ...args] = argv;
  return await new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, ...env }, timeout: timeoutMs, killSignal: "SIGKILL", cwd });
    const parts: Buffer[] = [];
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (data: Buffer) => parts.push(data));
    child.once("error", reject);
    child.once("close", (code) => resolve({ ok: code === 0, output: Buffer.concat(parts).toString() }));
  });
}

/** @throws {ConformanceError} with the end of its output when the command fails */
export async function run(argv: readonly string[], options: RunOptions = {}): Promise<string> {
  const { ok, output } = await attempt(argv, options);
  if (!ok) throw new ConformanceError(`Cannot run ${argv.join(" ")}: it failed\n${output.slice(-2000)}`);
  return output;
}
