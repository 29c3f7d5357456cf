/** One health check: the command runs in the container, and what came of it goes into the record. */
import type { ContainerRecord, HealthResult, HealthState } from "../../engine.ts";
import { execIn } from "../exec.ts";
import type { Parts } from "../parts.ts";
import { inspect } from "../status.ts";
import { tellContainer } from "../tell.ts";
import { type HealthCheck, healthCheckOf, nextHealth, UNKNOWN_HEALTH } from "./plan.ts";

const MAX_OUTPUT_BYTES = 4096;
/** Docker's word for a check that could not be run or took too long. */
const NO_EXIT_CODE = -1;

/** Undefined, and nothing is recorded, when the container has no check, does not run or was started anew meanwhile. */
export async function checkHealth(parts: Parts, reference: string): Promise<HealthState | undefined> {
  const record = parts.records.find(reference);
  const check = checkOf(record);
  const { status } = await inspect(parts, record);
  if (check === undefined || status.status !== "running") return undefined;
  const result = await probe(parts, record, check);
  const { status: after } = await inspect(parts, record);
  if (after.status !== "running") return undefined;
  const changed = await parts.records.change(record.id, (current) => {
    if (current.startedAt !== record.startedAt) return current;
    return { ...current, health: nextHealth(current.health ?? UNKNOWN_HEALTH, result, check, current.startedAt ?? current.createdAt) };
  });
  const now = changed?.health?.status;
  if (now !== undefined && now !== (record.health ?? UNKNOWN_HEALTH).status) tellContainer(parts, `health_status: ${now}`, record);
  return changed?.health;
}

function checkOf({ config }: Pick<ContainerRecord, "config">): HealthCheck | undefined {
  return healthCheckOf(config.Healthcheck, config.Shell);
}

async function probe(parts: Parts, record: ContainerRecord, check: HealthCheck): Promise<HealthResult> {
  const start = new Date().toISOString();
  const finish = (exitCode: number, output: string): HealthResult => ({ start, end: new Date().toISOString(), exitCode, output });
  try {
    const { attachment, exit } = await execIn(parts, record.id, { command: check.command, bound: true });
    let output = Buffer.alloc(0);
    const done = (async (): Promise<number> => {
      for await (const { data } of attachment?.output ?? []) output = Buffer.concat([output, data.subarray(0, MAX_OUTPUT_BYTES - output.length)]);
      return (await exit).exitCode;
    })();
    const exitCode = await within(check.timeoutMs, done);
    const said = output.toString();
    if (exitCode !== undefined) return finish(exitCode, said);
    await attachment?.[Symbol.asyncDispose](); // its monitor kills it
    return finish(NO_EXIT_CODE, `Health check exceeded timeout (${check.timeoutMs / 1000}s)${said === "" ? "" : `: ${said}`}`);
  } catch (error) {
    return finish(NO_EXIT_CODE, error instanceof Error ? error.message : String(error));
  }
}

/** Undefined when it takes longer. */
async function within<T>(milliseconds: number, work: Promise<T>): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), milliseconds);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
    work.catch(() => {});
  }
}
