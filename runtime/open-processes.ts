/** Containers as processes on this machine: the helper makes them, their state folders tell of them. */
import { rmSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { RuntimeError } from "./errors.ts";
import type { ExitRecord, Processes, ProcessState } from "./process.ts";
import { planGroups, type Groups } from "./process/cgroup/groups.ts";
import { connectMonitor } from "./process/connect.ts";
import { freeze, members, removeGroups, sendSignal, signalMembers, thaw, updateGroups, usageOf } from "./process/control.ts";
import { createContainer, runOnce } from "./process/create.ts";
import { execProcess } from "./process/exec.ts";
import { Folder } from "./process/folder.ts";
import { encodeFrame, FRAME } from "./process/frames.ts";
import { openHost, type HostOptions } from "./process/host.ts";
import { isAlive } from "./process/process-id.ts";
import { startLeft } from "./process/start-left.ts";
import { lostExit, stateOf } from "./process/status.ts";

const SIGKILL = 9;
const POLL_MS = 20;

export async function openProcesses(options: HostOptions): Promise<Processes> {
  const host = openHost(options);
  const folderOf = (id: string): Folder => Folder.of(host.runRoot, id);
  const state = async (id: string): Promise<ProcessState | undefined> => await Promise.resolve(stateOf(folderOf(id), id));
  const need = (id: string): ProcessState => {
    const found = stateOf(folderOf(id), id);
    if (found === undefined) throw new RuntimeError("CONTAINER_UNKNOWN", `Cannot find the container ${id}: there is none of that id`);
    return found;
  };
  const needGroups = (id: string): Groups => {
    need(id);
    const { groups } = folderOf(id).recorded() ?? {};
    if (groups === undefined) throw new RuntimeError("UNSUPPORTED", `Cannot use the cgroups of ${id}: it was made without`);
    return groups;
  };

  const wait = async (id: string, { signal }: { readonly signal?: AbortSignal } = {}): Promise<ExitRecord> => {
    need(id);
    const folder = folderOf(id);
    for (;;) {
      signal?.throwIfAborted();
      const client = await connectMonitor(folder.path);
      const abort = (): void => client?.close();
      signal?.addEventListener("abort", abort, { once: true });
      if (signal?.aborted === true) abort(); // while it was connecting
      const told = await client?.exit.catch(() => undefined).finally(() => signal?.removeEventListener("abort", abort));
      client?.close();
      signal?.throwIfAborted();
      const exit = told ?? folder.exit() ?? (stateOf(folder, id)?.status === "stopped" ? lostExit(folder) : undefined);
      if (exit !== undefined) return exit;
      if (stateOf(folder, id) === undefined) throw new RuntimeError("CONTAINER_UNKNOWN", `Cannot wait for ${id}: it was removed`);
      await sleep(POLL_MS);
    }
  };

  return await Promise.resolve<Processes>({
    async create(request, createOptions) {
      const { state: created, client } = await createContainer(host, request, { ...createOptions, start: false, attach: false });
      client.close();
      return created;
    },
    async start(id) {
      const found = need(id);
      if (found.status !== "created") throw new RuntimeError("CONTAINER_STATE", `Cannot start ${id}: it is ${found.status}`);
      if (folderOf(id).pids()?.monitor === 0) {
        await startLeft(folderOf(id).path, id);
        return;
      }
      const client = await connectMonitor(folderOf(id).path);
      if (client === undefined) throw new RuntimeError("CONTAINER_STATE", `Cannot start ${id}: its monitor is gone`);
      client.send(encodeFrame(FRAME.start));
      await client.started.finally(() => {
        client.close();
      });
    },
    async run(request, { attach = false } = {}) {
      const { state: running, client } = await createContainer(host, request, { start: true, attach });
      if (attach) return { state: running, attachment: client.attachment() };
      client.close();
      return { state: running };
    },
    state,
    wait,
    async attach(id, { exec } = {}) {
      const folder = exec === undefined ? folderOf(id) : folderOf(id).exec(exec);
      const client = await connectMonitor(folder.path);
      if (client === undefined) throw new RuntimeError("CONTAINER_STATE", `Cannot attach to ${id}: it does not run`);
      client.send(encodeFrame(FRAME.attach));
      return client.attachment();
    },
    async exec(id, process, execOptions) {
      return await execProcess(host, folderOf(id), id, process, execOptions);
    },
    async signal(id, signal, { all = false } = {}) {
      const { pid, startTime, status } = need(id);
      const { groups } = folderOf(id).recorded() ?? {};
      if (status === "stopped" && !all) throw new RuntimeError("CONTAINER_STATE", `Cannot signal ${id}: it has stopped`);
      if (all && groups !== undefined) await signalMembers(groups, signal);
      else if (isAlive(pid, startTime)) sendSignal(pid, signal);
    },
    async pause(id) {
      if (need(id).status !== "running") throw new RuntimeError("CONTAINER_STATE", `Cannot pause ${id}: it is ${need(id).status}`);
      await freeze(needGroups(id));
    },
    async resume(id) {
      if (need(id).status !== "paused") throw new RuntimeError("CONTAINER_STATE", `Cannot resume ${id}: it is ${need(id).status}`);
      await Promise.resolve(thaw(needGroups(id)));
    },
    async update(id, resources) {
      const groups = needGroups(id);
      const folder = folderOf(id);
      const joinable = planGroups(host.layout(), "", groups.path, resources);
      const updated = updateGroups(groups, joinable, resources);
      const recorded = folder.recorded();
      if (recorded !== undefined) folder.record({ ...recorded, groups: updated });
      await Promise.resolve();
    },
    async usage(id) {
      return await Promise.resolve(usageOf(needGroups(id)));
    },
    async pids(id) {
      return await Promise.resolve(members(needGroups(id)));
    },
    async remove(id) {
      const folder = folderOf(id);
      const found = stateOf(folder, id);
      const { groups } = folder.recorded() ?? {};
      if (found !== undefined && found.status !== "stopped") {
        if (groups !== undefined) await signalMembers(groups, SIGKILL);
        if (isAlive(found.pid, found.startTime)) sendSignal(found.pid, SIGKILL);
        if ((folder.pids()?.monitor ?? 0) !== 0) await wait(id);
      }
      if (groups !== undefined) await removeGroups(groups);
      rmSync(folder.path, { recursive: true, force: true });
    },
    async runOnce(request, onceOptions) {
      return await runOnce(host, request, onceOptions);
    },
  });
}
