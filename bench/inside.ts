/** The benchmark itself, inside its sandbox: `inside.js OPTIONS… FOLDER`. It ends with its standard input. */
import { cpus, release } from "node:os";
import { makeBase } from "./base.ts";
import { caseNames, CASES } from "./cases.ts";
import { commandsIn, type RunCommand } from "./command.ts";
import { BenchError } from "./errors.ts";
import { measure } from "./measure.ts";
import { readOptions, type Options } from "./options.ts";
import type { Peer } from "./peer.ts";
import { startBuildah } from "./peers/buildah.ts";
import { startBuildkit } from "./peers/buildkit.ts";
import { startStrata } from "./peers/strata.ts";
import { table, type Result } from "./table.ts";

async function main(argv: readonly string[]): Promise<void> {
  const folder = argv.at(-1) ?? "";
  const options = readOptions(argv.slice(0, -1), caseNames());
  const peers = await startPeers(options, folder);
  const results: Result[] = [];
  for (const one of CASES.filter(({ name }) => options.cases.includes(name))) {
    results.push({
      one,
      samples: await measure(one, { folder, peers, rounds: options.rounds ?? one.rounds, onRun: (line) => process.stderr.write(`${line}\n`) }),
    });
  }
  process.stdout.write(
    `\n${cpus().length} × ${cpus()[0]?.model ?? "CPU"}, Linux ${release().split(".", 2).join(".")}, ${options.on}, medians\n\n${table(results)}`,
  );
}

async function startPeers({ peers: names }: Options, folder: string): Promise<readonly Peer[]> {
  const run: RunCommand = commandsIn(folder);
  const base = await makeBase(folder, run);
  const peers: Peer[] = [];
  if (names.includes("strata")) peers.push(startStrata(folder, run, base));
  if (names.includes("BuildKit")) peers.push(await startBuildkit(folder, run, base));
  if (names.includes("buildah")) peers.push(startBuildah(folder, run, base));
  return peers;
}

process.stdin.resume().once("close", () => process.exit(130));
try {
  await main(process.argv.slice(2));
  process.exit(0); // dockerd would keep it alive
} catch (error) {
  process.stderr.write(`bench: ${error instanceof BenchError ? error.message : String(error instanceof Error ? error.stack : error)}\n`);
  process.exit(1);
}
