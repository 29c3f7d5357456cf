/** `npm run conformance:cgroup2 -- [--install] [--write FILE]`: containers on a kernel with cgroup v2 only, under emulation: limits, AppArmor, SELinux, and a crash. */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { ConformanceError } from "../errors.ts";
import { fetchKernel } from "./kernel.ts";
import { boot, makeMachine, type Boot } from "./machine.ts";

const project = fileURLToPath(new URL("../../../", import.meta.url));

/** The second finds the disk as the crash at the end of the first has left it. */
const BOOTS: readonly Boot[] = [
  { parts: ["limits", "command-line", "apparmor", "before-crash"], words: "security=apparmor" },
  { parts: ["after-crash"], words: "security=apparmor" },
  { parts: ["selinux"], words: "security=selinux" },
];

interface Result {
  readonly what: string;
  readonly expected: string;
  readonly found: string;
  readonly ok: boolean;
}

type Line = Result | { readonly heading: string };

async function main(argv: readonly string[]): Promise<number> {
  if (argv.includes("--install")) spawnSync(process.execPath, [join(project, "scripts/setup.mjs"), "cgroup2"], { stdio: "inherit" });
  const cache = join(project, ".cache/cgroup2");
  mkdirSync(cache, { recursive: true });
  const folder = mkdtempSync("/var/tmp/strata-cgroup2-");
  try {
    const machine = makeMachine(folder, project, fetchKernel(cache));
    const lines: Line[] = [];
    for (const life of BOOTS) lines.push(...read(await boot(machine, life, folder)));
    const table = format(lines);
    process.stdout.write(table);
    const at = argv.indexOf("--write");
    if (at >= 0) writeFileSync(argv[at + 1] ?? "docs/conformance-cgroup2.md", page(table));
    return resultsOf(lines).every(({ ok }) => ok) ? 0 : 1;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function read(text: string): readonly Line[] {
  return text
    .split(/\r?\n/)
    .filter((line) => line.startsWith("{"))
    .map((line) => JSON.parse(line) as Line);
}

function resultsOf(lines: readonly Line[]): readonly Result[] {
  return lines.filter((line) => "what" in line);
}

function format(lines: readonly Line[]): string {
  const cell = (text: string): string => text.replaceAll("|", "\\|");
  const rows = lines.map((line) =>
    "heading" in line
      ? `\n## ${line.heading}\n\n| what | expected | found | holds |\n|---|---|---|---|`
      : `| ${[line.what, line.expected, line.found].map(cell).join(" | ")} | ${line.ok ? "yes" : "NO"} |`,
  );
  const results = resultsOf(lines);
  return `${rows.join("\n").trimStart()}\n\n${results.filter(({ ok }) => ok).length} of ${results.length} hold\n`;
}

function page(table: string): string {
  return `# Containers on a kernel with cgroup v2 only

Printed by \`npm run conformance:cgroup2 -- --install --write docs/conformance-cgroup2.md\`: Debian's cloud kernel boots under emulation with
\`cgroup_no_v1=all\`, and this project as it is built here runs containers on it. It boots three times: with AppArmor, up to a crash (\`sysrq b\`); again, on the same disk; and with SELinux, under a policy of a few lines (\`conformance/cgroup2/selinux.cil\`). Times are those of an
emulated processor; only ratios are checked.

One thing is not in the table, for it does not hold. Files of a layer that was built in the half minute before the crash may be lost: nothing syncs
them, \`strata system check\` finds them damaged, and the image has to be built again.

${table}`;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof ConformanceError)) throw error;
  process.stderr.write(`conformance: ${error.message}\n`);
  process.exitCode = 1;
}
