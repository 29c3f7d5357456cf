/** `npm run conformance:builder -- …`: Dockerfiles of other projects built by strata and by docker's two builders, and compared. */
import { spawnSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { runInSandbox } from "../bench/sandbox.ts";
import { makeUserlands } from "./base/userland.ts";
import { SOURCES, type SourceName } from "./corpus/sources.ts";
import { ConformanceError } from "./errors.ts";
import { openApt } from "./fetch/debian.ts";
import { fetchSources } from "./fetch/sources.ts";
import { readOptions, USAGE } from "./options.ts";

async function main(argv: readonly string[]): Promise<number> {
  if (argv.includes("--help")) {
    process.stdout.write(USAGE);
    return 0;
  }
  const options = readOptions(argv);
  if (process.getuid?.() !== 0) throw new ConformanceError("Cannot open namespaces for docker: not root");
  if (options.install) install();
  mkdirSync(options.cache, { recursive: true });
  let opened: ReturnType<typeof openApt> | undefined;
  const apt = async () => await (opened ??= openApt(`${options.cache}/apt`)); // only when something is not in the cache
  const roots = await fetchSources(options.cache, Object.keys(SOURCES) as SourceName[], apt, say);
  const userlands = await makeUserlands(options.cache, apt);
  const inside = fileURLToPath(new URL("./inside.js", import.meta.url));
  return await runInSandbox([process.execPath, inside, JSON.stringify({ options, roots: [...roots], userlands: [...userlands] })], "tmpfs");
}

function install(): void {
  const setup = fileURLToPath(new URL("../../scripts/setup.mjs", import.meta.url));
  const { status } = spawnSync(process.execPath, [setup, "conformance"], { stdio: "inherit" });
  if (status !== 0) throw new ConformanceError("Cannot install docker");
}

function say(line: string): void {
  process.stderr.write(`conformance: ${line}\n`);
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof ConformanceError)) throw error;
  say(error.message);
  process.exitCode = 1;
}
