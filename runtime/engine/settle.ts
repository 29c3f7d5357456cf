/** settle: what a container held goes back once it has ended; then it is removed, started again or left, as its policy says. */
import { existsSync } from "node:fs";
import { rm } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import type { ContainerRecord } from "../engine.ts";
import type { ExitRecord } from "../process.ts";
import { disconnect } from "./connect.ts";
import { isAlive } from "../../store/process-id.ts";
import { lockContainer } from "./lock-container.ts";
import { markerPath, type Parts } from "./parts.ts";
import { discard, finishRemoval, isRemoving } from "./remove.ts";
import { ownProcess } from "./self.ts";
import { startContainer } from "./start.ts";
import { inspect, isLive } from "./status.ts";
import { tellDeath, tellVolumes } from "./tell.ts";

const FIRST_DELAY_MS = 100;
const MAX_DELAY_MS = 60_000;
/** A container that ran so long begins its delays anew. */
const STEADY_MS = 10_000;

export type AfterExit =
  | { readonly kind: "rest" }
  | { readonly kind: "remove" }
  | { readonly kind: "restart"; readonly count: number; readonly delayMs: number };

/** Decides, and does nothing. */
export function afterExit(record: Pick<ContainerRecord, "options" | "restartCount" | "stopRequested" | "startedAt">, exit: ExitRecord): AfterExit {
  const policy = record.options.restart ?? { name: "no" };
  const failed = exit.exitCode !== 0;
  const mayRetry = policy.maximumRetryCount === undefined || policy.maximumRetryCount === 0 || record.restartCount < policy.maximumRetryCount;
  const wanted = policy.name === "always" || policy.name === "unless-stopped" || (policy.name === "on-failure" && failed && mayRetry);
  if (!wanted || record.stopRequested) return { kind: record.options.autoRemove === true ? "remove" : "rest" };
  const ranMs = record.startedAt === undefined ? 0 : Date.parse(exit.finishedAt) - Date.parse(record.startedAt);
  const count = ranMs >= STEADY_MS && policy.name !== "on-failure" ? 0 : record.restartCount;
  return { kind: "restart", count: count + 1, delayMs: Math.min(FIRST_DELAY_MS * 2 ** count, MAX_DELAY_MS) };
}

/** Idempotent; returns at once when the container still runs. A restart is waited for and done here, unless another process waits for it. */
export async function settle(parts: Parts, id: string): Promise<void> {
  await settleOnce(parts, id);
  const restartAt = await takeRestart(parts, id);
  if (restartAt === undefined) return;
  await sleep(Math.max(0, restartAt - Date.now()));
  await startContainer(parts, id, { due: restartAt }).catch(() => {}); /* the record says why */
}

/** When it is due; undefined when nothing is, or somebody else sees to it. */
async function takeRestart(parts: Parts, id: string): Promise<number | undefined> {
  if (parts.records.get(id)?.restartAt === undefined) return undefined;
  const own = ownProcess();
  const record = await parts.records.change(id, (current) =>
    current.restartAt === undefined || isAwaited(current)
      ? current
      : { ...current, restartAt: Math.min(current.restartAt, Date.now() + MAX_DELAY_MS), restarter: own },
  );
  return record?.restarter?.pid === own.pid && record.restarter.startTime === own.startTime ? record.restartAt : undefined;
}

/** Whoever waits to start it again is there. */
export function isAwaited({ restarter }: Pick<ContainerRecord, "restarter">): boolean {
  return restarter !== undefined && isAlive(restarter.pid, restarter.startTime);
}

/** Only the first half: what it held is given back, and the record says what is to follow. */
export async function settleOnce(parts: Parts, id: string): Promise<AfterExit> {
  await using held = await lockContainer(parts, id);
  const record = parts.records.get(id);
  if (record === undefined) return { kind: "rest" };
  if (isRemoving(record)) {
    await finishRemoval(parts, record, held);
    return { kind: "remove" };
  }
  if (!record.unsettled) return { kind: "rest" };
  const { status } = await inspect(parts, record);
  const exit = status.exit;
  if (isLive(status) || exit === undefined) return { kind: "rest" };
  const next = afterExit(record, exit);
  if (next.kind === "remove") {
    await discard(parts, record, { volumes: true, held, exit });
    return next;
  }
  tellDeath(parts, record, exit);
  await disconnect(parts, record, held);
  tellVolumes(parts, "unmount", record);
  const ran = next.kind === "restart" || !(await neverRan(parts, record));
  if (!ran) await parts.processes.remove(id);
  await parts.records.change(id, ({ startedAt, restarter: _restarter, ...current }) => ({
    ...current,
    network: { mode: current.network.mode, ports: [] },
    unsettled: false,
    ...(ran && { exit, ...(startedAt !== undefined && { startedAt }) }),
    ...(next.kind === "restart" && { restartAt: Date.now() + next.delayMs, restartCount: next.count }),
  }));
  await rm(markerPath(parts, id), { force: true });
  return next;
}

/** Whoever started it was killed before its program began: it is as it was created. The marker tells this from what a reboot took. */
async function neverRan(parts: Parts, record: ContainerRecord): Promise<boolean> {
  if (record.exit !== undefined || !existsSync(markerPath(parts, record.id))) return false;
  return (await parts.processes.state(record.id))?.startedAt === undefined;
}
