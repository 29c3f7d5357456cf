/** What `npm run bench -- …` understands; the same words go on to the process inside the sandbox. */
import { parseArgs } from "node:util";
import { caseNames, groupNames, peerNames } from "./cases.ts";
import { BenchError } from "./errors.ts";

export const USAGE = `Usage: npm run bench -- [OPTION…] [CASE…]

Measures strata against what Debian ships, in turns, in a sandbox that leaves nothing behind; the cluster and the
install, for which no peer can be had, against their budgets. Needs root.

  --install            install the peers first
  --on ext4|tmpfs      what everything is written on: a journalled file system in a file (default), or memory
  --rounds N           how often each case is run (default: as each case thinks right)
  --peers NAME,…       only these of ${peerNames.join(", ")}
  --scale N            make the content of transfers N times as large, as 0.25, where time, disk or memory are short
  --registry NAME      what clients push to and pull from: docker-registry (default) or strata

Cases: ${caseNames.join(", ")}
Groups of them: ${groupNames.join(", ")}
`;

export interface Options {
  /** Install the peers first. */
  readonly install: boolean;
  readonly on: "ext4" | "tmpfs";
  /** Undefined: as many as each case thinks right. */
  readonly rounds: number | undefined;
  readonly peers: readonly string[];
  readonly scale: number;
  readonly registry: "docker-registry" | "strata";
  /** Of cases and groups. */
  readonly names: readonly string[];
}

/** @throws {BenchError} */
export function readOptions(argv: readonly string[]): Options {
  const { values, positionals: names } = parse(argv);
  const { on, rounds, install, registry, scale } = values;
  if (on !== "ext4" && on !== "tmpfs") throw new BenchError(`Cannot measure on ${on}: ext4 or tmpfs`);
  if (registry !== "docker-registry" && registry !== "strata") throw new BenchError(`Cannot use the registry ${registry}: docker-registry or strata`);
  if (rounds !== undefined && !/^[1-9]\d*$/.test(rounds)) throw new BenchError(`Cannot measure ${rounds} rounds`);
  if (!(Number(scale) > 0)) throw new BenchError(`Cannot scale by ${scale}: give a number above 0`);
  const peers = values.peers?.split(",") ?? peerNames;
  refuseUnknown(names, [...caseNames, ...groupNames]);
  refuseUnknown(peers, peerNames);
  return { install, on, rounds: rounds === undefined ? undefined : Number(rounds), peers, scale: Number(scale), registry, names };
}

function refuseUnknown(names: readonly string[], known: readonly string[]): void {
  const unknown = names.find((name) => !known.includes(name));
  if (unknown !== undefined) throw new BenchError(`Cannot measure ${unknown}: known are ${known.join(", ")}`);
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
        peers: { type: "string" },
        scale: { type: "string", default: "1" },
        registry: { type: "string", default: "docker-registry" },
      },
    });
  } catch (error) {
    throw new BenchError(`${error instanceof Error ? error.message : String(error)}\n${USAGE}`);
  }
}
