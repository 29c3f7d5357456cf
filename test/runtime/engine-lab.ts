/** An engine on a throw-away root with the tools image, and what tests do with it again and again. */
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach } from "vitest";
import type { Container, ContainerOptions, Engine } from "../../runtime/engine.ts";
import { rootTag } from "../../runtime/engine/identity.ts";
import { openEngine } from "../../runtime/open-engine.ts";
import { openProcesses } from "../../runtime/open-processes.ts";
import type { ExitRecord } from "../../runtime/process.ts";
import { openStore } from "../../store/open.ts";
import type { Image, Store } from "../../store/store.ts";
import { isLingering } from "../support/leftovers.ts";
import { openedForAll } from "../support/opened.ts";
import { testImage, type TestImageOptions } from "../support/image.ts";
import { programs, strata, temporaryRoot, type TemporaryRoot } from "../support/root.ts";

export interface Lab extends AsyncDisposable {
  readonly root: TemporaryRoot;
  readonly engine: Engine;
  readonly store: Store;
  readonly image: Image;
  /** Runs to the end in the foreground, as `run` does. */
  run(command: readonly string[], options?: Partial<ContainerOptions>): Promise<Finished>;
  /** Starts in the background. */
  background(command: readonly string[], options?: Partial<ContainerOptions>): Promise<Container>;
  /** What this root still has on the machine (links, tables, namespaces, processes, cgroups) but for bridges that only wait for the next container. */
  leftovers(): Promise<readonly string[]>;
}

export interface Finished {
  readonly id: string;
  readonly stdout: string;
  readonly stderr: string;
  readonly exit: ExitRecord;
}

export async function openLab(options: TestImageOptions = {}): Promise<Lab> {
  const root = temporaryRoot();
  const store = await openStore({ root: root.root, treeTool: programs.tree });
  const processes = await openProcesses({ runRoot: root.runRoot, helper: programs.helper });
  const engine = await openEngine({
    root: root.root,
    runRoot: root.runRoot,
    programs,
    self: [process.execPath, strata, "--root", root.root],
    store,
    processes,
  });
  const image = await testImage(store, options);
  process.env["STRATA_RUN_ROOT"] = root.runRoot; /* for exit commands */
  const create = async (command: readonly string[], extra: Partial<ContainerOptions>): Promise<Container> =>
    await engine.create({ image, network: { kind: "none" }, command, ...extra });
  return {
    root,
    engine,
    store,
    image,
    async run(command, extra = {}) {
      const { record } = await create(command, extra);
      const { attachment } = await engine.start(record.id, { attach: true, settle: "caller" });
      const said = { stdout: "", stderr: "" };
      if (extra.openStdin !== true) attachment?.closeStdin();
      for await (const { stream, data } of attachment?.output ?? []) said[stream] += Buffer.from(data).toString();
      const exit = await engine.wait(record.id);
      await engine.settle(record.id);
      return { id: record.id, ...said, exit };
    },
    async background(command, extra = {}) {
      const { record } = await create(command, extra);
      await engine.start(record.id, { settle: "caller" });
      return await engine.get(record.id);
    },
    async leftovers() {
      await engine.networks.removeIdle();
      for (const deadline = Date.now() + SETTLE_MS; ; await sleep(20)) {
        const found = leftovers(root); /* the kernel takes a link some milliseconds after its namespace */
        if (found.length === 0 || Date.now() > deadline) return found;
      }
    },
    async [Symbol.asyncDispose]() {
      await removeAll(engine);
      for (const id of names(`${root.runRoot}/netns`)) await engine.removeSandbox(id);
      await engine.sweep();
      await store[Symbol.asyncDispose]();
      for (const deadline = Date.now() + SETTLE_MS; busy(root).length > 0 && Date.now() < deadline;) await sleep(20);
      root[Symbol.dispose]();
    },
  };
}

/** One for the tests of a file; each ends without containers. */
export function labOfFile(options?: TestImageOptions): Lab {
  const lab = openedForAll(async () => await openLab(options));
  afterEach(async () => await removeAll(lab.engine));
  return lab;
}

async function removeAll(engine: Engine): Promise<void> {
  for (const { record } of await engine.list()) await engine.remove(record.id, { force: true, volumes: true });
}

const SETTLE_MS = 60_000;

export function leftovers(root: TemporaryRoot): readonly string[] {
  const tag = rootTag(root.root);
  const links = readdirSync("/sys/class/net").filter((name) => name.startsWith(`st${tag}`));
  const tables = execFileSync("nft", ["list", "tables"], { encoding: "utf8" })
    .split("\n")
    .filter((line) => line.includes(`strata_${tag}`));
  const mounts = readFileSync("/proc/self/mounts", "utf8")
    .split("\n")
    .filter((line) => line.includes(root.runRoot) || line.includes(root.root));
  const folders = ["netns", "unsettled"].flatMap((name) => names(`${root.runRoot}/${name}`));
  const kept = ["containers", "active", "volumes"].flatMap((name) => names(`${root.root}/${name}`).map((child) => `${name}/${child}`));
  return [...links, ...tables, ...mounts, ...folders, ...kept, ...busy(root)];
}

/** Processes that were told of the root's folders. */
function busy(root: TemporaryRoot): readonly string[] {
  return execFileSync("ps", ["-eo", "pid,args"], { encoding: "utf8" })
    .split("\n")
    .filter((line) => (line.includes(root.root) || line.includes(root.runRoot)) && !isLingering(line));
}

function names(path: string): readonly string[] {
  return existsSync(path) ? readdirSync(path) : [];
}
