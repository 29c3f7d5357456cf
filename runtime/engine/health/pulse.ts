/** The timer of a container's health checks: a small process of its own that ends with the container, so that nothing needs a daemon. */
import { spawn } from "node:child_process";
import type { ContainerRecord } from "../../engine.ts";
import type { ProcessState } from "../../process.ts";
import { exitEnvironment } from "../../process/host.ts";
import type { Parts } from "../parts.ts";
import { checkOf } from "./probe.ts";

/** Tells the minder's `pulse` that the container is still starting. */
export const STILL_STARTING = 3;

export function startPulse(parts: Parts, record: ContainerRecord, state: Pick<ProcessState, "pid" | "startTime">): void {
  const check = checkOf(record);
  if (check === undefined) return;
  const intervals = [check.intervalMs, check.startIntervalMs].map((time) => String(Math.max(1, Math.round(time))));
  const period = String(Math.round(check.startPeriodMs)); // 0 is none: the first check comes after an interval, too
  const args = ["pulse", `${state.pid}:${state.startTime}`, ...intervals, period, ...parts.self, "container-health", record.id];
  const timer = spawn(parts.programs.minder, args, { cwd: "/", stdio: "ignore", detached: true, env: exitEnvironment(process.env) });
  timer.once("error", () => undefined); // no process to be had: the container runs on, and its health stays `starting`
  timer.unref();
}
