/** strata build history ls|inspect|logs|rm: what was built here, how it went, and what every step printed. */
import { Command } from "commander";
import { findBuild, listBuilds, readBuild, removeBuild, type BuildSummary, type PastBuild } from "../../builder/history/history.ts";
import { ago } from "../containers/ages.ts";
import { printRows } from "../containers/print-rows.ts";
import type { Context } from "../context.ts";
import { UsageError } from "../errors.ts";
import { PlainProgress } from "./progress-plain.ts";
import { RawProgress } from "./progress-raw.ts";
import { stepsOf, type PastStep } from "./past-steps.ts";

const SHORT = 16;
const COLUMNS = [
  ["BUILD ID", "ID"],
  ["NAME", "Name"],
  ["STATUS", "Status"],
  ["CREATED AT", "CreatedAt"],
  ["DURATION", "Duration"],
] as const;

export function historyCommand(context: Context): Command {
  const group = new Command("strata build history").description("Look into the builds that were made here");
  const add = (name: string, description: string): Command => group.command(name).description(description).exitOverride();
  add("ls", "List the builds, the last one first")
    .option("--format <template>", "Go template, json or table")
    .option("--filter <status=value>", "completed, error, canceled, running or interrupted only")
    .option("--no-trunc", "show whole ids")
    .option("-q, --quiet", "show ids only")
    .action(async (flags: ListFlags) => await list(context, flags));
  add("inspect", "Show a build: the last one, or by id or ^N")
    .argument("[build]")
    .option("--format <kind>", "json")
    .action((build: string | undefined, flags: { readonly format?: string }) => inspect(context, build, flags.format));
  add("logs", "Show what a build printed")
    .argument("[build]")
    .option("--step <number>", "of one step only, as it was printed")
    .option("--progress <kind>", "plain or rawjson", "plain")
    .action((build: string | undefined, flags: LogFlags) => logs(context, build, flags));
  add("rm", "Forget builds; images and cache stay")
    .argument("[builds...]")
    .option("--all", "forget all")
    .action((builds: readonly string[], flags: { readonly all?: boolean }) => remove(context, builds, flags.all === true));
  return group.exitOverride();
}

interface ListFlags {
  readonly format?: string;
  readonly filter?: string;
  readonly trunc: boolean;
  readonly quiet?: boolean;
}

interface LogFlags {
  readonly step?: string;
  readonly progress: string;
}

async function list(context: Context, { format, filter, trunc, quiet = false }: ListFlags): Promise<void> {
  const status = filter === undefined ? undefined : /^status=(\w+)$/.exec(filter)?.[1]?.toLowerCase();
  if (filter !== undefined && status === undefined) throw new UsageError(`Cannot use --filter ${filter}: expected status=STATUS`);
  const now = Date.now();
  const rows = listBuilds(context.root)
    .filter((build) => status === undefined || build.status.toLowerCase() === status)
    .map(({ head, end, status: state }) => ({
      ID: trunc && format !== "json" ? head.id.slice(0, SHORT) : head.id,
      Name: head.name,
      Status: state,
      CreatedAt: format === "json" ? head.startedAt : ago(head.startedAt, now),
      Duration: end === undefined ? (state === "Running" ? `${seconds(now - Date.parse(head.startedAt))}+` : "") : seconds(end.duration),
    }));
  await printRows(context, rows, COLUMNS, { quiet, key: "ID", format });
}

function inspect(context: Context, text: string | undefined, format: string | undefined): void {
  if (format !== undefined && format !== "json") throw new UsageError(`Cannot use --format ${format}: expected json`);
  const build = readBuild(context.root, text);
  const steps = stepsOf(build.events);
  context.stdout.write(format === "json" ? `${JSON.stringify(asJson(build, steps), undefined, 2)}\n` : describe(build, steps));
}

function asJson({ head, end, status }: BuildSummary, steps: readonly PastStep[]): unknown {
  const { owner: _, ...rest } = head;
  return { ...rest, status, ...end, steps: steps.map(({ output: __, ...step }) => step) };
}

function describe({ head, end, status, lost }: PastBuild, steps: readonly PastStep[]): string {
  const done = steps.filter(({ result }) => result === "done" || result === "cached").length;
  const cached = steps.filter(({ result }) => result === "cached").length;
  const facts: readonly (readonly [string, string | undefined])[] = [
    ["Name", head.name],
    ["Ref", head.id],
    ["Context", head.context],
    ["Dockerfile", head.dockerfile],
    ["Target", head.target],
    ["Platforms", head.platform],
    ["Tags", head.tags.join(", ") || undefined],
    [
      "Build args",
      Object.keys(head.buildArgs)
        .map((name) => `${name}=${head.buildArgs[name]}`)
        .join(" ") || undefined,
    ],
    ["Started", head.startedAt],
    ["Duration", end === undefined ? undefined : seconds(end.duration)],
    ["Status", status],
    ["Error", end?.error],
    ["Image", end?.image],
    ["Build Steps", `${done}/${steps.length} (${steps.length === 0 ? 0 : Math.round((cached / steps.length) * 100)}% cached)`],
    ["Output lost", lost === 0 ? undefined : `${lost} bytes, it was too much to keep`],
  ];
  const lines = facts.flatMap(([name, value]) => (value === undefined ? [] : [`${`${name}:`.padEnd(14)}${value}`]));
  const rows = steps.map(({ number, result, duration, name, reason }) => {
    const time = duration === undefined ? "" : seconds(duration);
    return `${`#${number}`.padEnd(5)}${result.padEnd(11)}${time.padStart(8)}  ${name}${reason === undefined ? "" : `\n${" ".repeat(26)}${reason}`}`;
  });
  const frame = end?.frame === undefined ? "" : `\n${end.frame}\n`;
  return `${lines.join("\n")}\n\n${rows.join("\n")}\n${frame}\nWhat it printed: strata build history logs ${head.id}\n`;
}

function logs(context: Context, text: string | undefined, { step, progress }: LogFlags): void {
  const build = readBuild(context.root, text);
  if (step !== undefined) return printStep(context, build, step);
  if (progress !== "plain" && progress !== "rawjson") throw new UsageError(`Cannot use --progress ${progress}: expected plain or rawjson`);
  const start = Date.parse(build.head.startedAt);
  let now = 0;
  const view = progress === "plain" ? new PlainProgress(context.stdout, true, () => now) : new RawProgress(context.stdout, () => start + now);
  for (const { at, event } of build.events) {
    now = at;
    view.show(event);
  }
  view.end();
}

function printStep(context: Context, build: PastBuild, number: string): void {
  const steps = stepsOf(build.events);
  const step = steps.find((one) => String(one.number) === number);
  if (step === undefined) throw new UsageError(`Cannot show step ${number}: build ${build.head.id} has steps 1 to ${steps.length}`);
  context.stdout.write(step.output);
}

function remove(context: Context, builds: readonly string[], all: boolean): void {
  if (all === builds.length > 0) throw new UsageError("Cannot tell what to remove: name builds, or use --all");
  const found = all ? listBuilds(context.root).filter(({ status }) => status !== "Running") : builds.map((build) => findBuild(context.root, build));
  for (const { head } of found) {
    removeBuild(context.root, head.id);
    context.stdout.write(`${head.id}\n`);
  }
}

function seconds(milliseconds: number): string {
  return `${(milliseconds / 1000).toFixed(1)}s`;
}
