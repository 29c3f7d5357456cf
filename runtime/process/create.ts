/** Making a container: state folder, operations, helper. */
import { rmSync } from "node:fs";
import type { CreateRequest, ExitRecord, Processes, ProcessState } from "../process.ts";
import type { MonitorClient } from "./client.ts";
import { Folder } from "./folder.ts";
import { exitEnvironment, groupsOf, type Host } from "./host.ts";
import { launch } from "./launch.ts";
import { lower } from "./lower.ts";

export interface CreateOptions {
  readonly start: boolean;
  readonly attach: boolean;
  /** The caller becomes init's parent; no monitor stays. */
  readonly leave?: boolean;
  readonly bundle?: string;
}

/** The folder is gone again when this throws. */
export async function createContainer(host: Host, request: CreateRequest, options: CreateOptions): Promise<{ readonly state: ProcessState; readonly client: MonitorClient }> {
  const { id, spec, stdio } = request;
  const folder = Folder.of(host.runRoot, id);
  const groups = groupsOf(host, id, spec.linux?.cgroupsPath, spec.linux?.resources);
  const mode = options.leave === true ? "leave" : "stay";
  const operations = lower({ request, mode, start: options.start, attach: options.attach, directory: folder.path, groups, environment: exitEnvironment(process.env), rootless: host.rootless });
  folder.make();
  try {
    folder.record({ spec, ...(groups !== undefined && { groups }), ...(options.bundle !== undefined && { bundle: options.bundle }) });
    const { client } = launch(host.helper, operations, { inherit: stdio.kind === "inherit", detached: true });
    const { pid, startTime } = await client.ready;
    const startedAt = options.start && options.leave !== true ? await client.started : undefined;
    return { state: { id, status: startedAt === undefined ? "created" : "running", pid, startTime, ...(startedAt !== undefined && { startedAt }) }, client };
  } catch (error) {
    rmSync(folder.path, { recursive: true, force: true });
    throw error;
  }
}

/** Foreground; the helper lives and dies with its control socket, and leaves nothing behind. */
export async function runOnce(host: Host, ...[request, options]: Parameters<Processes["runOnce"]>): Promise<ExitRecord> {
  const { spec, id } = request;
  options.signal?.throwIfAborted();
  const groups = groupsOf(host, id, spec.linux?.cgroupsPath, spec.linux?.resources);
  const stdio = { kind: "monitor", stdin: false } as const;
  const operations = lower({ request: { ...request, stdio }, mode: "once", start: true, attach: true, groups, environment: {}, rootless: host.rootless });
  const { client, ended } = launch(host.helper, operations, { inherit: false, detached: false });
  client.onOutput(({ stream, data }) => {
    options.onOutput(stream, data);
  });
  const abort = (): void => {
    client.close();
  };
  options.signal?.addEventListener("abort", abort, { once: true });
  try {
    await client.started;
    return await client.exit;
  } catch (error) {
    client.close();
    throw options.signal?.aborted === true ? options.signal.reason : error;
  } finally {
    options.signal?.removeEventListener("abort", abort);
    await ended;
  }
}
