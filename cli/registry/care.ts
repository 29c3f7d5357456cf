/** strata registry gc, strata registry check: care of the registry in this root. */
import type { Command } from "commander";
import type { Context } from "../context.ts";
import { ExitError } from "../errors.ts";

interface GcFlags {
  readonly untagged?: boolean;
  readonly dryRun?: boolean;
  readonly grace: string;
}

interface CheckFlags {
  readonly deep?: boolean;
}

export function addCareCommands(registry: Command, context: Context): void {
  registry
    .command("gc")
    .description("Let go of blobs that no manifest needs; safe while the registry serves")
    .option("--untagged", "of manifests that no tag leads to, too")
    .option("--dry-run", "only say what would go")
    .option("--grace <seconds>", "spare what is younger", "3600")
    .action(async (flags: GcFlags) => await gc(context, flags));
  registry
    .command("check")
    .description("Verify what the repositories hold; exit 1 when something is damaged")
    .option("--deep", "read every blob and compare its digest")
    .action(async (flags: CheckFlags) => await inspect(context, flags));
}

async function gc(context: Context, { untagged = false, dryRun = false, grace }: GcFlags): Promise<void> {
  const [{ collect }, { openRepositories }, { storeStorage }] = await Promise.all([
    import("../../registry/server/collect.ts"),
    import("../../registry/server/repositories.ts"),
    import("../../registry/storage.ts"),
  ]);
  const storage = storeStorage(await context.store());
  let bytes = 0;
  for await (const { repository, kind, digest, size } of collect(openRepositories(storage), storage.blobs, {
    untagged,
    dryRun,
    graceMs: Number(grace) * 1000,
    now: Date.now(),
  })) {
    bytes += size;
    context.stdout.write(`${kind} ${repository}@${digest}\n`);
  }
  context.stderr.write(`${dryRun ? "Would let go" : "Let go"} of ${bytes} bytes\n`);
}

async function inspect(context: Context, { deep = false }: CheckFlags): Promise<void> {
  const [{ check }, { openRepositories }, { storeStorage }] = await Promise.all([
    import("../../registry/server/check.ts"),
    import("../../registry/server/repositories.ts"),
    import("../../registry/storage.ts"),
  ]);
  const storage = storeStorage(await context.store());
  let found = 0;
  for await (const { repository, what, problem } of check(openRepositories(storage), storage.blobs, { deep })) {
    found += 1;
    context.stdout.write(`${repository} ${what}: ${problem}\n`);
  }
  if (found > 0) throw new ExitError(1, `Found ${found} damaged ${found === 1 ? "entry" : "entries"}`);
  context.stderr.write("Everything is whole\n");
}
