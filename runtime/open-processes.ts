/** Containers as processes on this machine: the helper makes them, their state folders tell of them. */
import { isAlive } from "../store/process-id.ts";
import { RuntimeError } from "./errors.ts";
import type { CreateRequest, Processes, ProcessState, RunOptions } from "./process.ts";
import type { Groups } from "./process/cgroup/groups.ts";
import { sweepGroups } from "./process/cgroup/sweep.ts";
import { connectMonitor } from "./process/connect.ts";
import { freeze, joinGroups, members, meterOf, sendSignal, signalMembers, thaw, thawAll, updateGroups, usageOf, wakeMonitor } from "./process/control.ts";
import { createContainer, runOnce } from "./process/create.ts";
import { execProcess } from "./process/exec.ts";
import { Folder } from "./process/folder.ts";
import { encodeFrame, FRAME } from "./process/frames.ts";
import { openHost, placeUpdate, type Host, type HostOptions } from "./process/host.ts";
import { processesOf } from "./process/members.ts";
import { removeContainer } from "./process/remove.ts";
import { startContainer } from "./process/start.ts";
import { settledState } from "./process/reclaim.ts";
import { stateOf } from "./process/status.ts";
import { waitForExit } from "./process/wait.ts";

const SIGKILL = 9;

export async function openProcesses(options: HostOptions): Promise<Processes> {
  const host = openHost(options);
  return await Promise.resolve({ ...lifeOf(host), ...controlsOf(host) });
}

type Life = Pick<Processes, "create" | "start" | "run" | "state" | "wait" | "attach" | "exec" | "remove" | "runOnce">;

function lifeOf(host: Host): Life {
  const folderOf = (id: string): Folder => Folder.of(host.runRoot, id);
  let swept = false;
  return {
    async create(request, options) {
      const { state, client } = await createContainer(host, request, { ...options, start: false, attach: false });
      client.close();
      return state;
    },
    async start(id) {
      await startContainer(needFolder(host, id), id);
    },
    async run(request, { attach = false, beforeStart, ...options } = {}) {
      if (beforeStart !== undefined) return await runPrepared(host, request, { ...options, attach, beforeStart });
      const { state, client } = await createContainer(host, request, { ...options, start: true, attach });
      if (attach) return { state, attachment: client.attachment() };
      client.close();
      return { state };
    },
    async state(id) {
      return await settledState(folderOf(id), id);
    },
    async wait(id, { signal } = {}) {
      return await waitForExit(needFolder(host, id), id, signal);
    },
    async attach(id, { exec } = {}) {
      const folder = needFolder(host, id);
      const client = await connectMonitor((exec === undefined ? folder : folder.exec(exec)).path);
      if (client === undefined) throw new RuntimeError("CONTAINER_STATE", `Cannot attach to ${id}: it does not run`);
      client.send(encodeFrame(FRAME.attach));
      return client.attachment();
    },
    async exec(id, process, options) {
      return await execProcess(host, needFolder(host, id), id, process, options);
    },
    async remove(id) {
      await removeContainer(folderOf(id), id, host.warn);
    },
    async runOnce(request, options) {
      if (!swept && !host.rootless && host.nested === "no") sweepGroups(host.layout(), host.cgroupParent);
      swept = true;
      return await runOnce(host, request, options);
    },
  };
}

function controlsOf(host: Host): Omit<Processes, keyof Life> {
  return {
    async signal(id, signal, { all = false } = {}) {
      const { pid, startTime, status } = needState(host, id);
      const folder = needFolder(host, id);
      const { groups } = folder.recorded() ?? {};
      if (signal === SIGKILL) wakeMonitor(folder);
      if (status === "stopped" && !all) throw new RuntimeError("CONTAINER_STATE", `Cannot signal ${id}: it has stopped`);
      if (all && groups !== undefined) await signalMembers(groups, signal);
      else if (isAlive(pid, startTime)) {
        sendSignal(pid, signal);
        if (signal === SIGKILL && groups !== undefined) thawAll(groups); // who is frozen does not die
      }
    },
    async pause(id) {
      const { status } = needState(host, id);
      if (status !== "running") throw new RuntimeError("CONTAINER_STATE", `Cannot pause ${id}: it is ${status}`);
      await freeze(needGroups(host, id));
    },
    async resume(id) {
      const { status } = needState(host, id);
      if (status !== "paused") throw new RuntimeError("CONTAINER_STATE", `Container ${id} is not paused`);
      await Promise.resolve(thaw(needGroups(host, id)));
    },
    async update(id, resources) {
      const folder = needFolder(host, id);
      const groups = needGroups(host, id);
      const placed = await placeUpdate(host, groups, resources);
      const joined = joinGroups(groups, placed.groups ?? groups);
      const recorded = folder.recorded();
      if (recorded !== undefined) folder.record({ ...recorded, groups: joined }); // first: they go with the container, also when a limit is refused
      updateGroups(joined, placed.resources);
    },
    async usage(id) {
      return await Promise.resolve(usageOf(needGroups(host, id)));
    },
    async meter(id) {
      const groups = needGroups(host, id);
      return await Promise.resolve(() => meterOf(groups));
    },
    async pids(id) {
      const { groups } = needFolder(host, id).recorded() ?? {};
      return await Promise.resolve(groups === undefined ? processesOf(needState(host, id).pid) : members(groups));
    },
  };
}

type Prepared = RunOptions & Required<Pick<RunOptions, "attach" | "beforeStart">>;

async function runPrepared(host: Host, request: CreateRequest, options: Prepared): ReturnType<Processes["run"]> {
  const { attach, beforeStart, ...rest } = options;
  const { state, client } = await createContainer(host, request, { ...rest, start: false, attach });
  try {
    await beforeStart(state);
    await startContainer(needFolder(host, request.id), request.id);
  } catch (error) {
    client.close();
    await removeContainer(Folder.of(host.runRoot, request.id), request.id, host.warn);
    throw error;
  }
  if (attach) return { state, attachment: client.attachment() };
  client.close();
  return { state };
}

/** @throws {RuntimeError} `CONTAINER_UNKNOWN` */
function needState(host: Host, id: string): ProcessState {
  const found = stateOf(Folder.of(host.runRoot, id), id);
  if (found === undefined) throw new RuntimeError("CONTAINER_UNKNOWN", `Cannot find the container ${id}: there is none of that id`);
  return found;
}

/** @throws {RuntimeError} `CONTAINER_UNKNOWN` */
function needFolder(host: Host, id: string): Folder {
  needState(host, id);
  return Folder.of(host.runRoot, id);
}

/** @throws {RuntimeError} `CONTAINER_UNKNOWN`, `UNSUPPORTED` */
function needGroups(host: Host, id: string): Groups {
  const { groups } = needFolder(host, id).recorded() ?? {};
  if (groups === undefined)
    throw new RuntimeError("UNSUPPORTED", `Cannot use the control groups of ${id}: it was made without, as those of users are to whom root gave no group`);
  return groups;
}
