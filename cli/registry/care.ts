/** strata registry gc, strata registry check: care of the registry in this root. */
import type { Command } from "commander";
import type { Context } from "../context.ts";
import { ExitError } from "../errors.ts";
import { gc, type GcFlags } from "./gc.ts";
import { openStorage, STORAGE_FLAG } from "./open-storage.ts";
import { readGrace, readWait, WEEK_SECONDS } from "./seconds.ts";

interface CheckFlags {
  readonly deep?: boolean;
  readonly storage?: string;
}

export function addCareCommands(registry: Command, context: Context): void {
  registry
    .command("gc")
    .description("Remove blobs that no manifest needs, repositories without any, and uploads that were left; safe while the registry serves")
    .option(...STORAGE_FLAG)
    .option("--untagged", "of manifests that no tag leads to, too")
    .option("--dry-run", "only say what would go")
    .option("--grace <seconds>", "spare what was pushed, or relied on by a push, less long ago", readGrace, 3600)
    .option("--upload-timeout <seconds>", "remove uploads that nobody went on with for so long", readWait, WEEK_SECONDS)
    .action(async (flags: GcFlags) => await gc(context, flags));
  registry
    .command("check")
    .description("Verify what the repositories hold; exit 1 when something is damaged")
    .option(...STORAGE_FLAG)
    .option("--deep", "read every blob and compare its digest")
    .action(async (flags: CheckFlags) => await inspect(context, flags));
}

async function inspect(context: Context, { deep = false, storage: location }: CheckFlags): Promise<void> {
  const [{ check }, { openRepositories }] = await Promise.all([import("../../registry/server/check.ts"), import("../../registry/server/repositories.ts")]);
  await using opened = await openStorage(context, location);
  const { storage } = opened;
  let found = 0;
  for await (const { repository, what, problem } of check(openRepositories(storage), storage.blobs, { deep })) {
    found += 1;
    context.stdout.write(`${repository} ${what}: ${problem}\n`);
  }
  if (found > 0) throw new ExitError(1, `Found ${found} damaged ${found === 1 ? "entry" : "entries"}`);
  context.stderr.write(`Everything is whole in ${location ?? context.root}\n`);
}
