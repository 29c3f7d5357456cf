/** Pure: how a container's health follows from its checks. Spec: Dockerfile reference, HEALTHCHECK; Docker Engine API, Health. */
import type { HealthConfig } from "../../../store/oci.ts";
import type { HealthResult, HealthState } from "../../engine.ts";

const NANOSECONDS_IN_MS = 1e6;
const KEPT_RESULTS = 5;
/** Node's and the monitor's. */
const MAX_TIMER_MS = 2 ** 31 - 1;

export interface HealthCheck {
  readonly command: readonly string[];
  readonly intervalMs: number;
  readonly timeoutMs: number;
  readonly startPeriodMs: number;
  readonly startIntervalMs: number;
  readonly retries: number;
}

export const UNKNOWN_HEALTH: HealthState = { status: "starting", failingStreak: 0, log: [] };

/** Undefined where nothing is checked. A duration of 0 is docker's default, too; an image may name one that no timer bears. */
export function healthCheckOf(config: HealthConfig | undefined, shell: readonly string[] = ["/bin/sh", "-c"]): HealthCheck | undefined {
  const [kind, ...words] = config?.Test ?? [];
  if (config === undefined || words.length === 0 || (kind !== "CMD" && kind !== "CMD-SHELL")) return undefined;
  const milliseconds = (value: number | undefined, otherwise: number): number =>
    value === undefined || value <= 0 ? otherwise : Math.min(Math.max(value / NANOSECONDS_IN_MS, 1), MAX_TIMER_MS);
  return {
    command: kind === "CMD" ? words : [...shell, ...words],
    intervalMs: milliseconds(config.Interval, 30_000),
    timeoutMs: milliseconds(config.Timeout, 30_000),
    startPeriodMs: milliseconds(config.StartPeriod, 0),
    startIntervalMs: milliseconds(config.StartInterval, 5_000),
    retries: config.Retries === undefined || config.Retries === 0 ? 3 : config.Retries,
  };
}

/** A failure counts once the start period is over; a success ends that period. */
export function nextHealth(state: HealthState, result: HealthResult, check: HealthCheck, startedAt: string): HealthState {
  const log = [...state.log, result].slice(-KEPT_RESULTS);
  if (result.exitCode === 0) return { status: "healthy", failingStreak: 0, log };
  const isForgiven = state.status === "starting" && Date.parse(result.start) - Date.parse(startedAt) < check.startPeriodMs;
  if (isForgiven) return { ...state, log };
  const failingStreak = state.failingStreak + 1;
  return { status: failingStreak >= check.retries ? "unhealthy" : state.status, failingStreak, log };
}
