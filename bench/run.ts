/** `npm run bench -- …`: strata against what Debian ships, in a sandbox that leaves nothing behind. */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { BenchError } from "./errors.ts";
import { readOptions, USAGE } from "./options.ts";
import { runInSandbox } from "./sandbox.ts";

async function main(argv: readonly string[]): Promise<number> {
  if (argv.includes("--help")) {
    process.stdout.write(USAGE);
    return 0;
  }
  const options = readOptions(argv);
  if (process.getuid?.() !== 0) throw new BenchError("Cannot open namespaces for the peers: not root");
  if (options.install) install();
  return await runInSandbox([process.execPath, fileURLToPath(new URL("./inside.js", import.meta.url)), ...argv], options.on);
}

function install(): void {
  const setup = fileURLToPath(new URL("../../scripts/setup.mjs", import.meta.url));
  const { status } = spawnSync(process.execPath, [setup, "bench"], { stdio: "inherit" });
  if (status !== 0) throw new BenchError("Cannot install the peers");
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof BenchError)) throw error;
  process.stderr.write(`bench: ${error.message}\n`);
  process.exitCode = 1;
}
