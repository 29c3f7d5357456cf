/** --health-cmd and its like: how to tell that a container is well; what is not given comes from the image. Spec: docker run. */
import type { Command } from "commander";
import type { ContainerOptions } from "../../runtime/engine.ts";
import { UsageError } from "../errors.ts";
import { parseNumber } from "./sizes.ts";

export interface HealthFlags {
  readonly healthCmd?: string;
  /** Nanoseconds, as all of them. */
  readonly healthInterval?: number;
  readonly healthRetries?: number;
  readonly healthStartInterval?: number;
  readonly healthStartPeriod?: number;
  readonly healthTimeout?: number;
  /** False with --no-healthcheck. */
  readonly healthcheck: boolean;
}

export function addHealthFlags(command: Command): Command {
  return command
    .option("--health-cmd <command>", "shell command that tells whether it is well")
    .option("--health-interval <duration>", "time between checks", parseDuration)
    .option("--health-timeout <duration>", "longest time for one check", parseDuration)
    .option("--health-retries <n>", "failures in a row that make it unhealthy", parseNumber)
    .option("--health-start-period <duration>", "time in which failures do not count", parseDuration)
    .option("--health-start-interval <duration>", "time between checks in that period", parseDuration)
    .option("--no-healthcheck", "leave out the image's check");
}

/** @throws {UsageError} */
export function healthcheckOf(flags: HealthFlags): Pick<ContainerOptions, "healthcheck"> {
  const given = {
    ...(flags.healthCmd !== undefined && { Test: ["CMD-SHELL", flags.healthCmd] }),
    ...(flags.healthInterval !== undefined && { Interval: flags.healthInterval }),
    ...(flags.healthTimeout !== undefined && { Timeout: flags.healthTimeout }),
    ...(flags.healthRetries !== undefined && { Retries: flags.healthRetries }),
    ...(flags.healthStartPeriod !== undefined && { StartPeriod: flags.healthStartPeriod }),
    ...(flags.healthStartInterval !== undefined && { StartInterval: flags.healthStartInterval }),
  };
  const some = Object.keys(given).length > 0;
  if (!flags.healthcheck && some) throw new UsageError("--no-healthcheck conflicts with --health-* options");
  if (!flags.healthcheck) return { healthcheck: { Test: ["NONE"] } };
  return some ? { healthcheck: given } : {};
}

const NANOSECONDS: Readonly<Record<string, number>> = { ms: 1e6, s: 1e9, m: 60e9, h: 3600e9 };

/** `1m30s`, `500ms`, `0s`: nanoseconds. @throws {UsageError} */
export function parseDuration(text: string): number {
  if (text === "0") return 0;
  if (!/^(?:\d+(?:\.\d+)?(?:ms|s|m|h))+$/.test(text)) throw new UsageError(`invalid duration: ${JSON.stringify(text)}`);
  return [...text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h)/g)].reduce((sum, [, count, unit]) => sum + Number(count) * (NANOSECONDS[unit ?? ""] ?? 0), 0);
}
