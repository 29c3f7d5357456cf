/** strata stats [CONTAINER…]: what containers use, once or again and again. */
import { totalmem } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { Command } from "commander";
import type { Container, Engine } from "../../runtime/engine.ts";
import { trafficOf } from "../../runtime/network/traffic.ts";
import type { Usage } from "../../runtime/process.ts";
import type { Context } from "../context.ts";
import { jsonOutput } from "../json-output.ts";
import { printRows } from "../containers/print-rows.ts";
import { formatBinary, formatDecimal } from "../containers/sizes.ts";

interface Flags {
  readonly all?: boolean;
  readonly stream: boolean;
  readonly trunc: boolean;
  readonly format?: string;
  readonly output?: string;
}

interface Sample {
  /** As it was asked for. */
  readonly asked: string | undefined;
  readonly container: Container;
  readonly usage: Usage | undefined;
  /** Milliseconds of a clock that does not jump. */
  readonly at: number;
}

const INTERVAL_MS = 1000;
const CLEAR = "\u001b[H\u001b[J";
const COLUMNS = [
  ["CONTAINER ID", "ID"],
  ["NAME", "Name"],
  ["CPU %", "CPUPerc"],
  ["MEM USAGE / LIMIT", "MemUsage"],
  ["MEM %", "MemPerc"],
  ["NET I/O", "NetIO"],
  ["BLOCK I/O", "BlockIO"],
  ["PIDS", "PIDs"],
] as const;

export function command(context: Context): Command {
  return new Command()
    .description("Show what containers use")
    .option("-a, --all", "those that do not run too")
    .option("--no-stream", "once only")
    .option("--no-trunc", "do not shorten ids")
    .option("--format <template>", "json or a Go template")
    .addOption(jsonOutput())
    .argument("[container...]")
    .action(async (names: readonly string[], flags: Flags) => await stats(context, names, flags));
}

async function stats(context: Context, names: readonly string[], flags: Flags): Promise<void> {
  const engine = await context.engine();
  let before = await measure(engine, names, flags.all ?? false);
  do {
    await sleep(INTERVAL_MS, undefined, { signal: context.signal }).catch(() => {});
    const now = await measure(engine, names, flags.all ?? false);
    const rows = now.map((sample) =>
      row(
        sample,
        before.find((old) => old.container.record.id === sample.container.record.id),
        flags.trunc,
      ),
    );
    if (flags.stream && context.stdout.isTTY) context.stdout.write(CLEAR);
    await printRows(context, rows, COLUMNS, { quiet: false, key: "ID", format: flags.format ?? flags.output });
    before = now;
  } while (flags.stream && !context.signal.aborted);
}

async function measure(engine: Engine, names: readonly string[], all: boolean): Promise<readonly Sample[]> {
  const containers = names.length > 0 ? await Promise.all(names.map(async (name) => await engine.get(name))) : await engine.list();
  const wanted = containers
    .map((container, index) => ({ container, asked: names[index] }))
    .filter(({ container, asked }) => {
      return all || asked !== undefined || container.status.pid !== 0;
    });
  return await Promise.all(
    wanted.map(async (one) => ({ ...one, usage: await engine.usage(one.container.record.id).catch(() => undefined), at: performance.now() })),
  );
}

function row(sample: Sample, before: Sample | undefined, truncate: boolean): Readonly<Record<string, string>> {
  const { record } = sample.container;
  const identity = { ID: truncate ? record.id.slice(0, 12) : record.id, Container: sample.asked ?? record.id.slice(0, 12), Name: record.name };
  const { usage } = sample;
  if (usage === undefined) return { ...identity, CPUPerc: "--", MemUsage: "-- / --", MemPerc: "--", NetIO: "--", BlockIO: "--", PIDs: "--" };
  const nanoseconds = (sample.at - (before?.at ?? sample.at)) * 1e6;
  const cpu = before?.usage === undefined || nanoseconds <= 0 ? 0 : ((usage.cpuTotal - before.usage.cpuTotal) / nanoseconds) * 100;
  const limit = Math.min(usage.memoryLimit, totalmem());
  return {
    ...identity,
    CPUPerc: `${cpu.toFixed(2)}%`,
    MemUsage: `${formatBinary(usage.memory)} / ${formatBinary(limit)}`,
    MemPerc: `${((usage.memory / limit) * 100).toFixed(2)}%`,
    NetIO: netIO(sample.container),
    BlockIO: `${formatDecimal(usage.ioRead)} / ${formatDecimal(usage.ioWrite)}`,
    PIDs: String(usage.pids),
  };
}

/** The machine's own traffic is no container's. */
function netIO({ record, status }: Container): string {
  const { received, sent } = record.network.mode.kind === "host" ? { received: 0, sent: 0 } : trafficOf(status.pid);
  return `${formatDecimal(received)} / ${formatDecimal(sent)}`;
}
