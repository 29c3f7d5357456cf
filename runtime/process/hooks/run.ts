/** Running hooks here, outside of the container. */
import { type ChildProcess, spawn } from "node:child_process";
import { closeOnExec } from "../../../system/close-on-exec.ts";
import { RuntimeError } from "../../errors.ts";
import type { HookSpec, Spec } from "../../spec.ts";
import { hooksOf, stateHalves, type HookState, type RuntimeHook } from "./hooks.ts";

const MAX_SAID = 1024;
/** A hook may leave a process behind that keeps its stderr open. */
const DRAIN_MS = 200;
/** The longest that a timer can be set to, some 24 days. */
const MAX_TIMER_MS = 2 ** 31 - 1;
const LOOK_MS = 200;

export interface HookTarget extends HookState {
  readonly pid: number;
  /** Whether its container was removed meanwhile: nobody waits for the hook then, and it is ended. */
  readonly isGone?: () => boolean;
}

/** In their order, each to its end. @throws {RuntimeError} `HOOK_FAILED` for the first that fails */
export async function runHooks(spec: Spec, kinds: readonly RuntimeHook[], target: HookTarget): Promise<void> {
  const state = stateHalves(target).join(String(target.pid));
  for (const { kind, ...hook } of hooksOf(spec, ...kinds)) await runHook(hook, kind, state, target);
}

/** Those of the end: each runs whatever became of the others; what fails is told. */
export async function runLastHooks(spec: Spec, target: HookTarget, warn: (text: string) => void): Promise<void> {
  const state = stateHalves(target).join(String(target.pid));
  for (const { kind, ...hook } of hooksOf(spec, "poststop"))
    await runHook(hook, kind, state, target).catch((error: unknown) => {
      warn(error instanceof Error ? error.message : String(error));
    });
}

async function runHook(hook: HookSpec, kind: string, state: string, { bundle, isGone }: Pick<HookTarget, "bundle" | "isGone">): Promise<void> {
  const [argv0 = hook.path, ...args] = hook.args ?? [];
  const env = Object.fromEntries((hook.env ?? []).map((entry) => [entry.replace(/=.*$/s, ""), entry.slice(entry.indexOf("=") + 1)]));
  const refusal = await new Promise<string | undefined>((resolve) => {
    const cwd = bundle === undefined || bundle === "" ? "/" : bundle;
    closeOnExec(); // what our caller left open is not for hooks
    const child = spawn(hook.path, args, { argv0, env, cwd, stdio: ["pipe", "ignore", "pipe"], detached: true });
    let said = "";
    const limits = limit(child, hook.timeout, isGone);
    const end = (why: string | undefined): void => {
      resolve(why === undefined ? undefined : said.trim() === "" ? why : `${why}: ${said.trim()}`);
    };
    child.stderr.on("data", (data: Buffer) => {
      said = `${said}${data.toString()}`.slice(0, MAX_SAID);
    });
    child.stdin.on("error", () => undefined); // it need not read its state
    child.stdin.end(state);
    child.once("error", (error) => {
      limits.clear();
      end(error.message);
    });
    let drain: NodeJS.Timeout | undefined;
    child.once("exit", () => {
      limits.clear();
      drain = setTimeout(() => child.stderr.destroy(), DRAIN_MS);
    });
    child.once("close", (status, signal) => {
      clearTimeout(drain);
      end(limits.broken() ?? (signal !== null ? `signal ${signal}` : status === 0 ? undefined : `exit status ${status}`));
    });
  });
  if (refusal !== undefined) throw new RuntimeError("HOOK_FAILED", `Cannot run the ${kind} hook ${hook.path}: ${refusal}`);
}

interface HookLimits {
  /** Why it was ended. */
  broken(): string | undefined;
  clear(): void;
}

function limit(child: ChildProcess, timeout: number | undefined, isGone: (() => boolean) | undefined): HookLimits {
  let broken: string | undefined;
  const end = (why: string): void => {
    broken = why;
    kill(child.pid);
  };
  const timer = timeout === undefined ? undefined : setTimeout(() => end("it took longer than its timeout"), Math.min(timeout * 1000, MAX_TIMER_MS));
  const watch = isGone === undefined ? undefined : setInterval(() => isGone() && end("the container was removed meanwhile"), LOOK_MS);
  return {
    broken: () => broken,
    clear(): void {
      clearTimeout(timer);
      clearInterval(watch);
    },
  };
}

function kill(pid: number | undefined): void {
  try {
    if (pid !== undefined) process.kill(-pid, "SIGKILL");
  } catch {
    // it has just ended
  }
}
