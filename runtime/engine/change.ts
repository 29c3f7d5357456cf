/** What can be changed of a container that is there: its name, its limits, whether it goes on. */
import type { RestartPolicy } from "../engine.ts";
import type { Limits } from "../limits.ts";
import { RuntimeError } from "../errors.ts";
import { forgetPauser } from "./brief-pause.ts";
import { resources } from "./limits.ts";
import { lockContainer } from "./lock-container.ts";
import { writeProcFiles } from "./proc/mounts.ts";
import type { Parts } from "./parts.ts";
import { isLive, inspect } from "./status.ts";
import { targetOf } from "./target.ts";
import { tellContainer } from "./tell.ts";

/** @throws {RuntimeError} `CONTAINER_EXISTS`, `NAME_INVALID` */
export async function renameContainer(parts: Parts, reference: string, name: string): Promise<void> {
  const { id } = parts.records.find(reference);
  await using _ = await lockContainer(parts, id);
  const { name: old } = parts.records.find(id);
  if (name === "") throw new RuntimeError("NAME_INVALID", "Neither old nor new names may be empty"); // docker's words, here and below
  if (old === name) throw new RuntimeError("NAME_INVALID", "Renaming a container with the same name as its current name");
  await claimNewName(parts, name, id);
  await parts.records.change(id, (record) => ({ ...record, name, options: { ...record.options, name } }));
  await parts.records.releaseName(old, id);
  tellContainer(parts, "rename", parts.records.find(id), { oldName: `/${old}` });
}

async function claimNewName(parts: Parts, name: string, id: string): Promise<void> {
  try {
    await parts.records.claimName(name, id);
  } catch (error) {
    throw error instanceof RuntimeError ? new RuntimeError(error.code, `Error when allocating new name: ${error.message}`, { cause: error }) : error;
  }
}

export async function pauseContainer(parts: Parts, reference: string): Promise<void> {
  const { record } = await targetOf(parts, reference, "pause");
  forgetPauser(parts, record.id);
  await parts.processes.pause(record.id);
  tellContainer(parts, "pause", record);
}

export async function unpauseContainer(parts: Parts, reference: string): Promise<void> {
  const { record } = await targetOf(parts, reference, "unpause");
  await parts.processes.resume(record.id);
  tellContainer(parts, "unpause", record);
}

/** Limits not given stay. */
export async function updateContainer(parts: Parts, reference: string, limits: Limits, restart?: RestartPolicy): Promise<void> {
  const { id } = parts.records.find(reference);
  await using _ = await lockContainer(parts, id);
  const { record, status } = await inspect(parts, parts.records.find(id));
  if (restart !== undefined && restart.name !== "no" && record.options.autoRemove === true)
    throw new RuntimeError("SPEC_INVALID", `Cannot give container ${record.name} a restart policy: it is removed when it has ended (--rm)`);
  const merged = mergeLimits(record.options.limits ?? {}, limits);
  const wanted = resources(merged);
  if (isLive(status) && Object.keys(limits).length > 0) {
    await parts.processes.update(id, wanted);
    writeProcFiles(parts, id, merged);
  }
  await parts.records.change(id, (current) => ({ ...current, options: { ...current.options, limits: merged, ...(restart !== undefined && { restart }) } }));
  tellContainer(parts, "update", record);
}

/** `cpus` and quota or period say the same: the newer one wins. */
function mergeLimits(old: Limits, wanted: Limits): Limits {
  const { cpus, cpuQuota, cpuPeriod, ...others } = old;
  const replaced = wanted.cpus !== undefined || wanted.cpuQuota !== undefined || wanted.cpuPeriod !== undefined;
  const cpu = replaced
    ? {}
    : { ...(cpus !== undefined && { cpus }), ...(cpuQuota !== undefined && { cpuQuota }), ...(cpuPeriod !== undefined && { cpuPeriod }) };
  return { ...others, ...cpu, ...wanted };
}
