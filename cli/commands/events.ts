/** strata events: what happens to containers, images, networks and volumes, as docker tells it. */
import { Command } from "commander";
import { parseMoment } from "../../runtime/engine/moment.ts";
import { readEvents } from "../../store/events/read.ts";
import type { Context } from "../context.ts";
import { eventFilter } from "../containers/event-filter.ts";
import { eventLine, eventRow } from "../containers/event-row.ts";
import { UsageError } from "../errors.ts";
import { collect } from "../collect.ts";

interface Flags {
  readonly filter: readonly string[];
  readonly format?: string;
  readonly since?: string;
  readonly until?: string;
}

export function command(context: Context): Command {
  return new Command()
    .description("Tell what happens to containers, images, networks and volumes")
    .option("-f, --filter <key=value>", "only those", collect, [] as readonly string[])
    .option("--format <template>", "json or a Go template")
    .option("--since <time>", "RFC 3339, seconds, or 10m ago: what happened from then on, too")
    .option("--until <time>", "end then")
    .action(async (flags: Flags) => await events(context, flags));
}

async function events(context: Context, flags: Flags): Promise<void> {
  const [since, until] = [moment(flags.since, "since"), moment(flags.until, "until")];
  const matches = eventFilter(flags.filter);
  const store = await context.store();
  using end = endAt(until, context.signal);
  const isOver = until !== undefined && until <= Date.now();
  const print = await printer(flags.format);
  for await (const event of readEvents(store.root, { signal: end.signal, follow: !isOver, onlyNew: since === undefined && !isOver })) {
    const at = event.timeNano / 1e6;
    if (at < (since ?? 0) || at > (until ?? Infinity) || !matches(event)) continue;
    context.stdout.write(`${print(event)}\n`);
  }
}

async function printer(format: string | undefined): Promise<(event: Parameters<typeof eventRow>[0]) => string> {
  if (format === undefined || format === "") return eventLine;
  if (format === "json") return (event) => JSON.stringify(eventRow(event));
  const { renderTemplate } = await import("../template.ts");
  renderTemplate(format, {}); /* refuses before anything happens */
  return (event) => renderTemplate(format, eventRow(event));
}

function moment(text: string | undefined, flag: string): number | undefined {
  if (text === undefined) return undefined;
  const parsed = parseMoment(text, Date.now());
  if (parsed === undefined) throw new UsageError(`invalid --${flag}: cannot read ${JSON.stringify(text)} as a time`);
  return parsed;
}

/** Ends with the command, or then. */
function endAt(until: number | undefined, signal: AbortSignal): Disposable & { readonly signal: AbortSignal } {
  if (until === undefined) return { signal, [Symbol.dispose]: () => {} };
  const own = new AbortController();
  const timer = setTimeout(() => own.abort(), Math.max(0, until - Date.now()));
  return { signal: AbortSignal.any([signal, own.signal]), [Symbol.dispose]: () => clearTimeout(timer) };
}
