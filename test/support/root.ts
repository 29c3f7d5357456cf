/** Throw-away roots for tests: on tmpfs, named so that a later run can sweep what a crash left. */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { own } from "./owner.ts";

/** Prefix of everything that a test makes on the machine. */
export const TEST_PREFIX = "strata-test-";

export const projectRoot = fileURLToPath(new URL("../../", import.meta.url));
/** Where the native programs are; another build of them (with sanitizers, say) can be named. */
const natives = process.env["STRATA_TEST_NATIVES"] ?? join(projectRoot, "build/Release");
export const programs = {
  helper: join(natives, "strata-helper"),
  minder: join(natives, "strata-minder"),
  network: join(natives, "strata-network"),
  names: join(natives, "strata-names"),
  loopback: join(natives, "strata-loopback"),
  tree: join(natives, "strata-tree"),
};
export const helper = programs.helper;
export const treeTool = programs.tree;
export const strata = join(projectRoot, "bin/strata.js");

export interface TemporaryRoot extends Disposable {
  readonly root: string;
  readonly runRoot: string;
  /** For spawning `strata` on this root. */
  readonly env: NodeJS.ProcessEnv;
}

/** An empty folder on tmpfs; whoever made it removes it, and after a crash the next run does. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join("/dev/shm", TEST_PREFIX));
  own(folder);
  return folder;
}

/** Also one into which something that is just ending still writes, or that it still has mounted. */
export function removeFolder(folder: string): void {
  for (const deadline = Date.now() + 20_000; ; Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 100)) {
    try {
      rmSync(folder, { recursive: true, force: true });
      return;
    } catch (error) {
      if (Date.now() > deadline) throw error;
    }
  }
}

export function temporaryRoot(): TemporaryRoot {
  const folder = temporaryFolder();
  const root = join(folder, "root");
  const runRoot = join(folder, "run");
  mkdirSync(root);
  mkdirSync(runRoot);
  return {
    root,
    runRoot,
    env: { ...process.env, STRATA_ROOT: root, STRATA_RUN_ROOT: runRoot },
    [Symbol.dispose](): void {
      removeFolder(folder);
    },
  };
}
