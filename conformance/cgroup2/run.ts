/** `npm run conformance:cgroup2 -- [--install] [--write FILE]`: the limits of containers on a kernel with cgroup v2 only, under emulation. */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { ConformanceError } from "../errors.ts";
import { boot, fetchKernel, makeMachine } from "./machine.ts";

const project = fileURLToPath(new URL("../../../", import.meta.url));

interface Result {
  readonly what: string;
  readonly expected: string;
  readonly found: string;
  readonly ok: boolean;
}

async function main(argv: readonly string[]): Promise<number> {
  if (argv.includes("--install")) spawnSync(process.execPath, [join(project, "scripts/setup.mjs"), "cgroup2"], { stdio: "inherit" });
  const cache = join(project, ".cache/cgroup2");
  mkdirSync(cache, { recursive: true });
  const folder = mkdtempSync("/var/tmp/strata-cgroup2-");
  try {
    const text = await boot(makeMachine(folder, project, fetchKernel(cache)), folder);
    const results = text
      .split(/\r?\n/)
      .filter((line) => line.startsWith("{"))
      .map((line) => JSON.parse(line) as Result);
    const table = format(results);
    process.stdout.write(table);
    const at = argv.indexOf("--write");
    if (at >= 0) writeFileSync(argv[at + 1] ?? "docs/conformance-cgroup2.md", page(table));
    return results.every(({ ok }) => ok) ? 0 : 1;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function format(results: readonly Result[]): string {
  const rows = results.map(({ what, expected, found, ok }) => `| ${what} | ${expected} | ${found.replaceAll("|", "\\|")} | ${ok ? "yes" : "NO"} |`);
  return `${["| what | expected | found | holds |", "|---|---|---|---|", ...rows].join("\n")}\n\n${results.filter(({ ok }) => ok).length} of ${results.length} hold\n`;
}

function page(table: string): string {
  return `# Containers on a kernel with cgroup v2 only

Printed by \`npm run conformance:cgroup2 -- --install --write docs/conformance-cgroup2.md\`: Debian's cloud kernel boots under emulation with
\`cgroup_no_v1=all\`, and the helper as it is built here runs containers on it. Times are those of an emulated processor; only ratios are checked.

${table}`;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof ConformanceError)) throw error;
  process.stderr.write(`conformance: ${error.message}\n`);
  process.exitCode = 1;
}
