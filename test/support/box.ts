/** A throw-away root with one image of this machine's programs, driven by the real `strata`; what was started is removed at the end. */
import { runStrata, strataOutput, type Outcome } from "./cli.ts";
import { eventually } from "./cluster.ts";
import { leftovers } from "./leftovers.ts";
import { temporaryRoot, type TemporaryRoot } from "./root.ts";

export interface Box extends AsyncDisposable {
  readonly root: TemporaryRoot;
  /** Standard output, trimmed; throws when the status is not 0. */
  strata(...args: readonly string[]): Promise<string>;
  /** Never throws for an exit status. */
  attempt(...args: readonly string[]): Promise<Outcome>;
  /** A shell script in a new container that is gone afterwards. */
  shell(flags: readonly string[], script: string, image?: string): Promise<string>;
}

export const BOX_IMAGE = "local/box";

export async function openBox(programs: string): Promise<Box> {
  const root = temporaryRoot();
  await strataOutput(root, "base", "create", BOX_IMAGE, "--bin", programs.trim().split(/\s+/).join(","));
  const strata = async (...args: readonly string[]): Promise<string> => await strataOutput(root, ...args);
  return {
    root,
    strata,
    attempt: async (...args) => await runStrata(root, args),
    shell: async (flags, script, image = BOX_IMAGE) => await strata("run", "--rm", "--network", "none", ...flags, image, "sh", "-c", script),
    async [Symbol.asyncDispose](): Promise<void> {
      const ids = (await strata("ps", "--all", "--quiet", "--no-trunc")).split("\n").filter((id) => id !== "");
      if (ids.length > 0) await strata("rm", "--force", "--volumes", ...ids);
      try {
        await eventually(async () => await Promise.resolve(assertNone(leftovers(root)))); // monitors and timers end a moment after their containers
      } finally {
        root[Symbol.dispose]();
      }
    },
  };
}

function assertNone(left: readonly string[]): void {
  if (left.length > 0) throw new Error(`the containers left behind:\n${left.join("\n")}`);
}
