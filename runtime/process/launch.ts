/** Starts the helper with a list of operations; its control socket speaks frames from then on. */
import { spawn } from "node:child_process";
import type { Socket } from "node:net";
import { RuntimeError } from "../errors.ts";
import { MonitorClient } from "./client.ts";
import { encodeOperations, type Operation } from "./operation.ts";

export interface LaunchOptions {
  /** Give the helper this process's own descriptors 0, 1 and 2. */
  readonly inherit: boolean;
  /** The helper outlives this process. */
  readonly detached: boolean;
  /** Give it so many further descriptors of this process, from 3 upward. @default 0 */
  readonly preserve?: number;
}

export interface Launched {
  readonly client: MonitorClient;
  /** Resolves when the helper itself has ended. */
  readonly ended: Promise<void>;
}

export function launch(helper: string, operations: readonly Operation[], options: LaunchOptions): Launched {
  const standard = options.inherit ? "inherit" : "ignore";
  const kept = Array.from({ length: options.preserve ?? 0 }, (_, index) => index + 3);
  const child = spawn(helper, ["launch", String(kept.length)], {
    stdio: [standard, standard, standard, "pipe", ...kept],
    detached: options.detached,
    env: {},
    cwd: "/",
  });
  const control = child.stdio[3] as Socket;
  const client = new MonitorClient(control);
  const ended = new Promise<void>((resolve) => {
    child.once("exit", () => {
      resolve();
    });
    child.once("error", (error) => {
      control.destroy(new RuntimeError("LAUNCH_FAILED", `Cannot start the helper ${helper}: ${error.message}`, { cause: error }));
      resolve();
    });
  });
  if (options.detached) child.unref();
  control.write(encodeOperations(operations));
  return { client, ended };
}
