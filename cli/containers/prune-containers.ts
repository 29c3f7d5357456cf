/** strata container prune: containers that do not run. */
import { Command } from "commander";
import { readLabels } from "../../orchestrator/kubelet/instance-labels.ts";
import { snapshotKey } from "../../runtime/engine/parts.ts";
import type { Context } from "../context.ts";
import { UsageError } from "../errors.ts";
import { confirmed } from "../ask.ts";
import { printDeleted, printReclaimed } from "./print-deleted.ts";
import { pruneFilter } from "./prune-filter.ts";
import { collect } from "../collect.ts";
import { writtenBytes } from "./container-size.ts";

const AT_REST: ReadonlySet<string> = new Set(["exited", "created", "stopped", "dead"]);

export function containerPrune(context: Context): Command {
  return new Command()
    .description("Remove containers that do not run")
    .option("--filter <key=value>", "until, label or label!", collect, [] as readonly string[])
    .option("-f, --force", "do not ask")
    .action(async ({ force = false, filter }: { readonly force?: boolean; readonly filter: readonly string[] }) => {
      if (!force && !context.stdin.isTTY) throw new UsageError("say --force: there is nobody to ask");
      if (!force && !(await confirmed(context, "This will remove all stopped containers."))) return;
      const { removed, bytes } = await pruneContainers(context, filter);
      printDeleted(context.stdout, "Containers", removed);
      printReclaimed(context.stdout, bytes);
    });
}

/** A pod's stay: the cluster removes them, and until then tells their logs. @throws {UsageError} */
export async function pruneContainers(context: Context, filters: readonly string[]): Promise<{ readonly removed: readonly string[]; readonly bytes: number }> {
  const matches = pruneFilter(filters, Date.now());
  const [store, engine] = [await context.store(), await context.engine()];
  await engine.sweep();
  const removed: string[] = [];
  let bytes = 0;
  for (const container of await engine.list()) {
    const { record, status } = container;
    if (readLabels(container) !== undefined || !AT_REST.has(status.status)) continue;
    if (!matches({ createdAt: record.createdAt, labels: record.config.Labels ?? {} })) continue;
    const active = await store.snapshots.active(snapshotKey(record.id));
    bytes += active === undefined ? 0 : writtenBytes(active);
    await engine.remove(record.id, { volumes: true });
    removed.push(record.id);
  }
  return { removed, bytes };
}
