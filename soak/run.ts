/** `npm run soak -- cycles [COUNT]` and `npm run soak -- containers [COUNT]`: long runs, and tables of what they left; 1 when that is a leak. As root. */
import { setPriority } from "node:os";
import { soakContainers } from "./containers.ts";
import { soakCycles } from "./cycles.ts";
import { type Inventory, leaksOf } from "./leaks.ts";

const NICE = 10;
const COUNTS: Readonly<Record<string, number>> = { cycles: 10_000, containers: 200 };

function table(...columns: readonly (readonly [title: string, inventory: Inventory])[]): string {
  const names = Object.keys(columns[0]?.[1] ?? {});
  const rows = [
    ["counted", ...columns.map(([title]) => title)],
    ["---", ...columns.map(() => "---:")],
  ];
  for (const name of names) rows.push([name, ...columns.map(([, inventory]) => String(inventory[name]))]);
  return rows.map((row) => `| ${row.join(" | ")} |\n`).join("");
}

async function main([what = "", asked]: readonly string[]): Promise<void> {
  const count = Number(asked ?? COUNTS[what]);
  if (COUNTS[what] === undefined || !(count > 0)) throw new Error("Use: npm run soak -- cycles [COUNT] | containers [COUNT]");
  setPriority(NICE);
  if (what === "cycles") {
    const abort = new AbortController();
    for (const name of ["SIGINT", "SIGTERM"] as const) process.once(name, () => abort.abort());
    const { cycles, seconds, before, after } = await soakCycles(count, (done) => process.stderr.write(`${done} of ${count}\n`), abort.signal);
    process.stdout.write(`${cycles} start-stop cycles in ${seconds.toFixed(0)} s\n\n${table(["before", before], ["after", after])}`);
    judge(before, after);
    return;
  }
  const { seconds, supervision, before, during, after } = await soakContainers(count);
  const times = Object.entries(seconds).map(([name, value]) => `${name}: ${value.toFixed(1)} s\n`);
  process.stdout.write(`${count} containers at once\n${times.join("")}supervision of one: ${supervision} KiB\n\n`);
  process.stdout.write(table(["before", before], ["during", during], ["after", after]));
  judge(before, after);
}

function judge(before: Inventory, after: Inventory): void {
  const leaks = leaksOf(before, after);
  process.stdout.write(leaks.length === 0 ? "\nNothing leaked\n" : `\nLeaked:\n${leaks.map((line) => `  ${line}\n`).join("")}`);
  if (leaks.length > 0) process.exitCode = 1;
}

await main(process.argv.slice(2));
