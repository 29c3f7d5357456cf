/** Opens the engine of a root: nothing is started, nothing read but what a call needs. Rare verbs load their code when called. */
import { realpathSync } from "node:fs";
import { makeFolders } from "../store/make-folders.ts";
import type { Store } from "../store/store.ts";
import type { Container, Engine } from "./engine.ts";
import { rootTag } from "./engine/identity.ts";
import { createContainer } from "./engine/create.ts";
import type { Parts, Programs } from "./engine/parts.ts";
import { openRecords } from "./engine/records.ts";
import { removeContainer } from "./engine/remove.ts";
import type { SandboxRecord } from "./engine/sandbox-record.ts";
import { settle } from "./engine/settle.ts";
import { startContainer } from "./engine/start.ts";
import { getContainer, isLive, listContainers } from "./engine/status.ts";
import { targetOf } from "./engine/target.ts";
import { tellContainer, tellNetwork } from "./engine/tell.ts";
import { waitForExit } from "./engine/wait.ts";
import type { Chain } from "./network/cni/chain.ts";
import { openKernel } from "./network/kernel.ts";
import { openNetworks } from "./network/networks.ts";
import type { NetworkRecord } from "./network/record.ts";
import { openServiceNetwork } from "./network/services.ts";
import type { Processes } from "./process.ts";
import { openVolumes, type VolumeRecord } from "./volume/volumes.ts";

export interface EngineOptions {
  readonly root: string;
  readonly runRoot: string;
  readonly programs: Programs;
  /** argv that runs this program again; `container-settle ID` is added to it. */
  readonly self: readonly string[];
  readonly store: Store;
  readonly processes: Processes;
  /** Hears what is waited for when that takes long. */
  readonly notice?: (text: string) => void;
}

export async function openEngine(options: EngineOptions): Promise<Engine> {
  const parts = openParts(options);
  return {
    ...life(parts),
    ...views(parts),
    ...rest(parts),
    volumes: openVolumes(parts.volumes),
    networks: openNetworks(parts.network),
    services: openServiceNetwork(parts.network),
  };
}

function openParts(options: EngineOptions): Parts {
  makeFolders(options.runRoot);
  const root = realpathSync(options.root);
  const { store } = options;
  const tag = rootTag(root);
  const records = openRecords(store);
  return {
    ...options,
    root,
    tag,
    records,
    network: {
      tag,
      runRoot: options.runRoot,
      table: store.table<NetworkRecord>("runtime.networks"),
      kernel: openKernel(options.programs.network),
      program: options.programs.network,
      self: options.self,
      loopback: options.programs.loopback,
      tell: (action, network) => tellNetwork({ root }, action, network),
    },
    volumes: { root, table: store.table<VolumeRecord>("runtime.volumes"), containers: () => records.list() },
    sandboxes: store.table<SandboxRecord>("runtime.sandboxes"),
    cni: store.table<Chain>("runtime.cni"),
  };
}

type Life = Pick<Engine, "create" | "start" | "stop" | "restart" | "kill" | "wait" | "remove" | "rename" | "pause" | "unpause" | "update" | "settle" | "sweep">;

function life(parts: Parts): Life {
  return {
    create: async (options) => await createContainer(parts, options),
    start: async (id, options) => await startContainer(parts, id, options),
    stop: async (id, options) => await (await import("./engine/stop.ts")).stopContainer(parts, id, options),
    async restart(id, options) {
      await (await import("./engine/stop.ts")).stopContainer(parts, id, options);
      await startContainer(parts, id);
      tellContainer(parts, "restart", parts.records.find(id));
    },
    kill: async (id, signal) => await (await import("./engine/stop.ts")).killContainer(parts, id, signal),
    wait: async (id, options) => await waitForExit(parts, id, options),
    remove: async (id, options) => await removeContainer(parts, id, options),
    rename: async (id, name) => await (await import("./engine/change.ts")).renameContainer(parts, id, name),
    pause: async (id) => await (await import("./engine/change.ts")).pauseContainer(parts, id),
    unpause: async (id) => await (await import("./engine/change.ts")).unpauseContainer(parts, id),
    update: async (id, limits, restart) => await (await import("./engine/change.ts")).updateContainer(parts, id, limits, restart),
    settle: async (id) => await settle(parts, parts.records.get(id)?.id ?? id),
    sweep: async () => await (await import("./engine/sweep.ts")).sweep(parts),
  };
}

type Views = Pick<Engine, "get" | "list" | "logs" | "usage" | "meter" | "pids" | "diff" | "attach" | "exec" | "checkHealth">;

function views(parts: Parts): Views {
  return {
    get: async (reference) => await noticed(parts, reference),
    list: async () => await (await import("./engine/lost.ts")).careForAll(parts, await listContainers(parts)),
    async *logs(id, options) {
      yield* (await import("./engine/logs.ts")).readLogs(parts, id, options);
    },
    usage: async (id) => await parts.processes.usage((await targetOf(parts, id, "measure")).record.id),
    meter: async (id) => await parts.processes.meter((await targetOf(parts, id, "measure")).record.id),
    async pids(id) {
      const { record } = await targetOf(parts, id, "list the processes of");
      const pids = await parts.processes.pids(record.id);
      tellContainer(parts, "top", record);
      return pids;
    },
    diff: async (id) => await (await import("./engine/diff.ts")).diffContainer(parts, id),
    attach: async (id) => await parts.processes.attach((await targetOf(parts, id, "attach to")).record.id),
    checkHealth: async (id) => await (await import("./engine/health/probe.ts")).checkHealth(parts, id),
    exec: async (id, options) => await (await import("./engine/exec.ts")).execIn(parts, id, options),
  };
}

/** What nobody has settled is settled first. */
async function noticed(parts: Parts, reference: string): Promise<Container> {
  const container = await getContainer(parts, reference);
  const { record, status } = container;
  if (record.removing === undefined && (isLive(status) || (!record.unsettled && record.restartAt === undefined))) return container;
  await (await import("./engine/lost.ts")).careFor(parts, record);
  return parts.records.get(record.id) === undefined ? container : await getContainer(parts, record.id);
}

type Rest = Pick<
  Engine,
  "checkNetwork" | "connectNetwork" | "disconnectNetwork" | "commit" | "stat" | "copyOut" | "copyIn" | "createSandbox" | "sandbox" | "removeSandbox"
>;

function rest(parts: Parts): Rest {
  return {
    checkNetwork: async (id) => await (await import("./engine/cni.ts")).checkCni(parts, parts.records.find(id)),
    connectNetwork: async (id, connection) => await (await import("./engine/networks-of-container.ts")).connectNetwork(parts, id, connection),
    disconnectNetwork: async (id, network) => await (await import("./engine/networks-of-container.ts")).disconnectNetwork(parts, id, network),
    commit: async (id, options) => await (await import("./engine/commit.ts")).commitContainer(parts, id, options),
    stat: async (id, path) => await (await import("./engine/copy-out.ts")).statIn(parts, id, path),
    async *copyOut(id, path, options) {
      yield* (await import("./engine/copy-out.ts")).copyOut(parts, id, path, options);
    },
    copyIn: async (id, path, tar) => await (await import("./engine/copy-in.ts")).copyIn(parts, id, path, tar),
    createSandbox: async (options) => await (await import("./engine/sandboxes.ts")).createSandbox(parts, options),
    sandbox: async (id) => (await import("./engine/sandboxes.ts")).getSandbox(parts, id),
    removeSandbox: async (id) => await (await import("./engine/sandboxes.ts")).removeSandbox(parts, id),
  };
}
