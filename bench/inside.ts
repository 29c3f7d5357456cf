/** The benchmark itself, inside its sandbox: `inside.js OPTIONS… FOLDER`. It ends with its standard input. */
import { cpus, loadavg, release } from "node:os";
import type { Place } from "./case.ts";
import { casesOf } from "./cases.ts";
import { commandsIn } from "./command.ts";
import { BenchError } from "./errors.ts";
import { measure } from "./measure.ts";
import { readOptions, type Options } from "./options.ts";
import { tables, type Result } from "./table.ts";

async function main(argv: readonly string[]): Promise<void> {
  const options = readOptions(argv.slice(0, -1));
  const place = placeAt(argv.at(-1) ?? "", options);
  const results: Result[] = [];
  for (const one of casesOf(options.names)) {
    results.push({ one, samples: await measure(one, { place, rounds: options.rounds ?? one.rounds, onRun: (line) => process.stderr.write(`${line}\n`) }) });
  }
  const machine = `${cpus().length} × ${cpus()[0]?.model ?? "CPU"}, Linux ${release().split(".", 2).join(".")}, ${options.on}`;
  const load = loadavg()[0]?.toFixed(1) ?? "?";
  process.stdout.write(`\n${machine}, load ${load} at the end, scale ${options.scale}, clients at ${options.registry}, medians\n\n${tables(results)}`);
}

function placeAt(folder: string, { peers, scale, registry }: Options): Place {
  const made = new Map<unknown, unknown>();
  const place: Place = {
    folder,
    run: commandsIn(folder),
    wants: (name) => peers.includes(name),
    scale,
    registry,
    shared: async <T>(make: (place: Place) => Promise<T>): Promise<T> => {
      if (!made.has(make)) made.set(make, await make(place));
      return made.get(make) as T;
    },
  };
  return place;
}

process.stdin.resume().once("close", () => process.exit(130));
try {
  await main(process.argv.slice(2));
  process.exit(0); // dockerd would keep it alive
} catch (error) {
  process.stderr.write(`bench: ${error instanceof BenchError ? error.message : String(error instanceof Error ? error.stack : error)}\n`);
  process.exit(1);
}
