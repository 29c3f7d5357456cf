/** Follows one running instance: its end, and its probes. */
import { open } from "node:fs/promises";
import type { ExitRecord } from "../../runtime/process.ts";
import { containerSpec, fieldPath, type AgentParts } from "./agent-parts.ts";
import { RUNTIME, statusesOf } from "./container-status.ts";
import { runHandler } from "./probes/handler.ts";
import { targetOf } from "./probes/hooks.ts";
import type { Held, PodEntry } from "./pod-entry.ts";
import { allContainers, specOf } from "./pod-spec.ts";
import { Prober } from "./probes/prober.ts";

const MAX_MESSAGE_BYTES = 4096;
const FALLBACK_LINES = 80;
const FALLBACK_BYTES = 2048;

/** Ends by itself when the instance or the agent does. */
export function watchInstance(parts: AgentParts, entry: PodEntry, held: Held): void {
  void awaitExit(parts, held).then(async (exit) => {
    if (exit === undefined) return;
    held.prober?.[Symbol.dispose]();
    const message = await terminationMessage(parts, entry, held, exit).catch(() => "");
    const startedAt = held.state.kind === "created" ? undefined : held.state.startedAt;
    held.state = { kind: "exited", startedAt, exit, message };
    parts.wake(entry.uid);
  });
}

/** An instance that somebody removed behind our back has ended too. Undefined when the agent ends first. */
async function awaitExit({ engine, clock, ending }: AgentParts, { id }: Held): Promise<ExitRecord | undefined> {
  try {
    const exit = await engine.wait(id, { signal: ending });
    await engine.settle(id).catch(() => {});
    return exit;
  } catch {
    if (ending.aborted) return undefined;
    return { exitCode: 137, oomKilled: false, finishedAt: new Date(clock.now()).toISOString() };
  }
}

/** From here on its readiness counts. */
export function startProbes(parts: AgentParts, entry: PodEntry, held: Held): void {
  const { pod } = entry;
  const container = pod && containerSpec(pod, held.name.container);
  if (pod === undefined || container === undefined) return;
  const target = targetOf(parts, entry, pod, held);
  const before = statusesOf(pod).find(({ containerID }) => containerID === `${RUNTIME}://${held.id}`);
  held.prober = new Prober({
    container,
    clock: parts.clock,
    ...(before === undefined ? {} : { before }),
    run: async (probe, timeout) => await runHandler(probe, target, timeout),
    onChange: () => parts.wake(entry.uid),
    onFailure: (kind, message) =>
      parts.recorder.record(entry.pod ?? pod, "Warning", "Unhealthy", `${kind} probe failed: ${message}`, fieldPath(pod, container.name)),
  });
}

async function terminationMessage(parts: AgentParts, entry: PodEntry, held: Held, exit: ExitRecord): Promise<string> {
  const { container, attempt } = held.name;
  const written = await readStart(parts.folders.termination(entry.uid, container, attempt));
  if (written !== "" || exit.exitCode === 0 || entry.pod === undefined) return written;
  const spec = allContainers(specOf(entry.pod)).find(({ name }) => name === container);
  if (spec?.terminationMessagePolicy !== "FallbackToLogsOnError") return "";
  const lines: Buffer[] = [];
  for await (const { text } of parts.engine.logs(held.id, { tail: FALLBACK_LINES })) lines.push(Buffer.from(text));
  return Buffer.concat(lines).subarray(-FALLBACK_BYTES).toString();
}

async function readStart(path: string): Promise<string> {
  const file = await open(path, "r");
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(MAX_MESSAGE_BYTES), 0, MAX_MESSAGE_BYTES, 0);
    return buffer.subarray(0, bytesRead).toString();
  } finally {
    await file.close();
  }
}
