/** All that can be measured, in the order of the budgets. */
import type { Case } from "./case.ts";
import { big } from "./cases/big.ts";
import { cluster } from "./cases/cluster.ts";
import { containers } from "./cases/containers.ts";
import { copies } from "./cases/copies.ts";
import { files } from "./cases/files.ts";
import { pulls, pushes } from "./cases/images.ts";
import { install } from "./cases/install.ts";
import { launches } from "./cases/launches.ts";
import { registries } from "./cases/registries.ts";
import { scheduling } from "./cases/scheduling.ts";
import { small } from "./cases/small.ts";
import { stages } from "./cases/stages.ts";

const BUILDS: readonly Case[] = [small, stages, files, big];
const TRANSFERS: readonly Case[] = [pushes, pulls, copies, registries];
const RUNS: readonly Case[] = [containers, launches];
const ORCHESTRATION: readonly Case[] = [cluster, scheduling];
export const CASES: readonly Case[] = [...BUILDS, ...TRANSFERS, ...RUNS, ...ORCHESTRATION, install];

/** Names that stand for several. */
const GROUPS: Readonly<Record<string, readonly Case[]>> = { builds: BUILDS, transfers: TRANSFERS, runs: RUNS, orchestration: ORCHESTRATION };

export const caseNames: readonly string[] = CASES.map(({ name }) => name);
export const groupNames: readonly string[] = Object.keys(GROUPS);
export const peerNames: readonly string[] = [...new Set(CASES.flatMap(({ peers }) => peers))];

/** In the order of the budgets; no names mean all. */
export function casesOf(names: readonly string[]): readonly Case[] {
  const wanted = new Set(names.flatMap((name) => (Object.hasOwn(GROUPS, name) ? (GROUPS[name] ?? []).map((one) => one.name) : [name])));
  return CASES.filter(({ name }) => wanted.size === 0 || wanted.has(name));
}
