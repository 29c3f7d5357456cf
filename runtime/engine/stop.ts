/** Ends a running container, gently or not, and waits for it. */
import { constants } from "node:os";
import type { ContainerRecord } from "../engine.ts";
import { RuntimeError } from "../errors.ts";
import type { ExitRecord } from "../process.ts";
import { lockContainer } from "./lock-container.ts";
import type { Parts } from "./parts.ts";
import { settle } from "./settle.ts";
import { parseSignal } from "./signals.ts";
import { getContainer, isLive } from "./status.ts";
import { targetOf } from "./target.ts";
import { tellContainer } from "./tell.ts";
import { waitForExit } from "./wait.ts";

const DEFAULT_TIMEOUT_SECONDS = 10;
/** After SIGKILL the kernel only needs time to tear down. */
const KILL_PATIENCE_MS = 30_000;

/** Idempotent; a restart that is due is called off. */
export async function stopContainer(parts: Parts, reference: string, options: { readonly timeout?: number; readonly signal?: string } = {}): Promise<void> {
  const { id } = parts.records.find(reference);
  await forgetRestart(parts, id);
  await passStart(parts, id);
  const { record, status } = await getContainer(parts, id);
  if (!isLive(status)) return;
  const signal = options.signal === undefined ? stopSignalOf(record) : parseSignal(options.signal);
  const seconds = options.timeout ?? record.options.stopTimeout ?? DEFAULT_TIMEOUT_SECONDS;
  if (status.status === "paused") await parts.processes.resume(record.id);
  tellContainer(parts, "kill", record, { signal: String(signal) });
  await signalQuietly(parts, record.id, signal);
  const ended = await waitAtMost(parts, record.id, seconds < 0 ? undefined : seconds * 1000);
  if (ended === undefined) {
    tellContainer(parts, "kill", record, { signal: String(constants.signals.SIGKILL) });
    await signalQuietly(parts, record.id, constants.signals.SIGKILL);
    if ((await waitAtMost(parts, record.id, KILL_PATIENCE_MS)) === undefined)
      throw new RuntimeError("CONTAINER_STATE", `Cannot stop container ${record.name}: it does not end after SIGKILL`);
  }
  await settle(parts, record.id);
  tellContainer(parts, "stop", record);
}

/** A start under way is waited for, and then stopped: it may have begun before the wish was written down. */
async function passStart(parts: Parts, id: string): Promise<void> {
  const held = await lockContainer(parts, id);
  await forgetRestart(parts, id);
  await held[Symbol.asyncDispose]();
}

async function forgetRestart(parts: Parts, id: string): Promise<void> {
  await parts.records.change(id, ({ restartAt: _restartAt, restarter: _restarter, ...record }) => ({ ...record, stopRequested: true }));
}

/** A process that ended meanwhile is no failure. */
async function signalQuietly(parts: Parts, id: string, signal: number): Promise<void> {
  await parts.processes.signal(id, signal).catch((error: unknown) => {
    if (!(error instanceof RuntimeError)) throw error;
  });
}

async function waitAtMost(parts: Parts, id: string, ms: number | undefined): Promise<ExitRecord | undefined> {
  if (ms === undefined) return await waitForExit(parts, id);
  const signal = AbortSignal.timeout(ms);
  return await waitForExit(parts, id, { signal }).catch((error: unknown) => {
    if (signal.aborted) return undefined;
    throw error;
  });
}

/** A signal that ends it by the user's wish calls its restart policy off, as in docker. @throws {RuntimeError} `CONTAINER_STATE` */
export async function killContainer(parts: Parts, reference: string, signal: string): Promise<void> {
  const number = parseSignal(signal);
  const { record } = await targetOf(parts, reference, "kill");
  if (endsIt(record, number)) await forgetRestart(parts, record.id);
  await parts.processes.signal(record.id, number);
  tellContainer(parts, "kill", record, { signal: String(number) });
}

function endsIt(record: ContainerRecord, signal: number): boolean {
  return signal === constants.signals.SIGKILL || signal === stopSignalOf(record);
}

/** What an image says may be no signal: it can be stopped all the same, as in docker. */
function stopSignalOf({ config }: ContainerRecord): number {
  try {
    return parseSignal(config.StopSignal ?? "SIGTERM");
  } catch {
    return constants.signals.SIGTERM;
  }
}
