/** Running hooks here, outside of the container. */
import { spawn } from "node:child_process";
import { RuntimeError } from "../../errors.ts";
import type { HookSpec, Spec } from "../../spec.ts";
import { hooksOf, stateHalves, type HookState, type RuntimeHook } from "./hooks.ts";

const MAX_SAID = 1024;
/** A hook may leave a process behind that keeps its stderr open. */
const DRAIN_MS = 200;

export interface HookTarget extends HookState {
  readonly pid: number;
}

/** In their order, each to its end. @throws {RuntimeError} `HOOK_FAILED` for the first that fails */
export async function runHooks(spec: Spec, kinds: readonly RuntimeHook[], target: HookTarget): Promise<void> {
  const state = stateHalves(target).join(String(target.pid));
  for (const { kind, ...hook } of hooksOf(spec, ...kinds)) await runHook(hook, kind, state, target.bundle);
}

/** Those of the end: each runs whatever became of the others; what fails is told. */
export async function runLastHooks(spec: Spec, target: HookTarget, warn: (text: string) => void): Promise<void> {
  const state = stateHalves(target).join(String(target.pid));
  for (const { kind, ...hook } of hooksOf(spec, "poststop"))
    await runHook(hook, kind, state, target.bundle).catch((error: unknown) => {
      warn(error instanceof Error ? error.message : String(error));
    });
}

async function runHook(hook: HookSpec, kind: string, state: string, bundle: string | undefined): Promise<void> {
  const [argv0 = hook.path, ...args] = hook.args ?? [];
  const env = Object.fromEntries((hook.env ?? []).map((entry) => [entry.replace(/=.*$/s, ""), entry.slice(entry.indexOf("=") + 1)]));
  const refusal = await new Promise<string | undefined>((resolve) => {
    const cwd = bundle === undefined || bundle === "" ? "/" : bundle;
    const child = spawn(hook.path, args, { argv0, env, cwd, stdio: ["pipe", "ignore", "pipe"], detached: true });
    let said = "";
    let late = false;
    const end = (why: string | undefined): void => {
      resolve(why === undefined ? undefined : said.trim() === "" ? why : `${why}: ${said.trim()}`);
    };
    child.stderr.on("data", (data: Buffer) => {
      said = `${said}${data.toString()}`.slice(0, MAX_SAID);
    });
    child.stdin.on("error", () => undefined); // it need not read its state
    child.stdin.end(state);
    const timer = hook.timeout === undefined ? undefined : setTimeout(() => (late = kill(child.pid)), hook.timeout * 1000);
    child.once("error", (error) => {
      clearTimeout(timer);
      end(error.message);
    });
    let drain: NodeJS.Timeout | undefined;
    child.once("exit", () => {
      clearTimeout(timer);
      drain = setTimeout(() => child.stderr.destroy(), DRAIN_MS);
    });
    child.once("close", (status, signal) => {
      clearTimeout(drain);
      end(late ? "it took longer than its timeout" : signal !== null ? `signal ${signal}` : status === 0 ? undefined : `exit status ${status}`);
    });
  });
  if (refusal !== undefined) throw new RuntimeError("HOOK_FAILED", `Cannot run the ${kind} hook ${hook.path}: ${refusal}`);
}

function kill(pid: number | undefined): true {
  try {
    if (pid !== undefined) process.kill(-pid, "SIGKILL");
  } catch {
    // it has just ended
  }
  return true;
}
