/** An engine on a throw-away root with one small image of this machine's programs. Dispose removes every container and the root. */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Engine } from "../runtime/engine.ts";
import { openEngine } from "../runtime/open-engine.ts";
import { openProcesses } from "../runtime/open-processes.ts";
import { openStore } from "../store/open.ts";
import type { Image } from "../store/store.ts";

const PROJECT = fileURLToPath(new URL("../../", import.meta.url));
const IMAGE = "local/soak";

export interface Place extends AsyncDisposable {
  readonly root: string;
  readonly runRoot: string;
  readonly engine: Engine;
  readonly image: Image;
}

export async function openPlace(): Promise<Place> {
  const folder = mkdtempSync("/dev/shm/strata-soak-");
  const [root, runRoot] = [join(folder, "root"), join(folder, "run")];
  for (const path of [root, runRoot]) mkdirSync(path);
  process.env["STRATA_RUN_ROOT"] = runRoot; // for what monitors run
  const strata = join(PROJECT, "bin/strata.js");
  execFileSync(process.execPath, [strata, "--root", root, "base", "create", IMAGE, "--bin", "sh,sleep,cat,echo"], { stdio: "ignore" });
  const native = (name: string): string => join(PROJECT, "build/Release", `strata-${name}`);
  const programs = {
    helper: native("helper"),
    minder: native("minder"),
    network: native("network"),
    tree: native("tree"),
    names: native("names"),
    loopback: native("loopback"),
  };
  const store = await openStore({ root, treeTool: programs.tree });
  const processes = await openProcesses({ runRoot, helper: programs.helper });
  const engine = await openEngine({ root, runRoot, programs, self: [process.execPath, strata, "--root", root], store, processes });
  return {
    root,
    runRoot,
    engine,
    image: await store.images.open(IMAGE),
    async [Symbol.asyncDispose]() {
      for (const { record } of await engine.list()) await engine.remove(record.id, { force: true, volumes: true });
      await engine.sweep();
      await store[Symbol.asyncDispose]();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
