/** The timer of a container's health checks, which its monitor is: no check is lost with the command that started the container. */
import type { ContainerRecord } from "../../engine.ts";
import type { CreateRequest } from "../../process.ts";
import type { Parts } from "../parts.ts";
import { healthCheckOf } from "./plan.ts";

/** Tells the monitor that the container is still starting. */
export const STILL_STARTING = 3;

export function healthTimer(parts: Pick<Parts, "self">, { id, config }: Pick<ContainerRecord, "id" | "config">): Pick<CreateRequest, "health"> {
  const check = healthCheckOf(config.Healthcheck, config.Shell);
  if (check === undefined) return {};
  const milliseconds = (time: number): number => Math.max(1, Math.round(time));
  return {
    health: {
      interval: milliseconds(check.intervalMs),
      startInterval: milliseconds(check.startIntervalMs),
      startPeriod: Math.round(check.startPeriodMs), // 0 is none: the first check comes after an interval, too
      command: [...parts.self, "container-health", id],
    },
  };
}
