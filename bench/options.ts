/** What `npm run bench -- …` understands; the same words go on to the process inside the sandbox. */
import { parseArgs } from "node:util";
import { BenchError } from "./errors.ts";
import { PEER_NAMES } from "./peer.ts";

export const USAGE = `Usage: npm run bench -- [--install] [--on ext4|tmpfs] [--rounds N] [--peers ${PEER_NAMES.join(",")}] [CASE…]\n`;

export interface Options {
  /** Install the peers first. */
  readonly install: boolean;
  /** What everything is written on: a journalled file system in a file, or memory. */
  readonly on: "ext4" | "tmpfs";
  /** Undefined: as many as each case thinks right. */
  readonly rounds: number | undefined;
  readonly peers: readonly string[];
  readonly cases: readonly string[];
}

export function readOptions(argv: readonly string[], known: readonly string[]): Options {
  const { values, positionals } = parse(argv);
  const { on, rounds, install } = values;
  if (on !== "ext4" && on !== "tmpfs") throw new BenchError(`Cannot measure on ${on}: ext4 or tmpfs\n${USAGE}`);
  if (rounds !== undefined && !/^[1-9]\d*$/.test(rounds)) throw new BenchError(`Cannot measure ${rounds} rounds\n${USAGE}`);
  const unknown = positionals.find((name) => !known.includes(name));
  if (unknown !== undefined) throw new BenchError(`Cannot measure ${unknown}: known are ${known.join(", ")}\n${USAGE}`);
  const cases = positionals.length === 0 ? known : positionals;
  return { install, on, rounds: rounds === undefined ? undefined : Number(rounds), peers: values.peers.split(","), cases };
}

function parse(argv: readonly string[]) {
  try {
    return parseArgs({
      args: [...argv],
      allowPositionals: true,
      options: {
        install: { type: "boolean", default: false },
        on: { type: "string", default: "ext4" },
        rounds: { type: "string" },
        peers: { type: "string", default: PEER_NAMES.join(",") },
      },
    });
  } catch (error) {
    throw new BenchError(`${error instanceof Error ? error.message : String(error)}\n${USAGE}`);
  }
}
