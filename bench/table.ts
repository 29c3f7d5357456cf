/** The result as a Markdown table: medians, ratios, and whether each is within its budget. */
import type { Case, Phase } from "./case.ts";
import type { Samples } from "./measure.ts";
import { PEER_NAMES, type PeerName } from "./peer.ts";

export interface Result {
  readonly one: Case;
  readonly samples: Samples;
}

const HEAD = ["build", ...PEER_NAMES, ...others().map((peer) => `strata : ${peer}`), "budget"];

export function table(results: readonly Result[]): string {
  const rows = results.flatMap(({ one, samples }) => one.phases.map((phase) => rowOf(one, phase, samples)));
  return [HEAD, HEAD.map((_, column) => (column === 0 ? "---" : "---:")), ...rows].map((row) => `| ${row.join(" | ")} |\n`).join("");
}

function rowOf(one: Case, phase: Phase, samples: Samples): readonly string[] {
  const seconds = (peer: PeerName): number | undefined => median(samples.get(phase.name)?.get(peer) ?? []);
  const own = seconds("strata");
  const ratio = (peer: PeerName): number | undefined => {
    const theirs = seconds(peer);
    return own === undefined || theirs === undefined ? undefined : own / theirs;
  };
  return [
    `${one.title}, ${phase.name}`,
    ...PEER_NAMES.map((peer) => show(seconds(peer), " s")),
    ...others().map((peer) => show(ratio(peer), "")),
    budgetOf(phase, ratio),
  ];
}

function budgetOf(phase: Phase, ratio: (peer: PeerName) => number | undefined): string {
  const parts = others().flatMap((peer) => {
    const limit = phase.budget[peer];
    if (limit === undefined) return [];
    const found = ratio(peer);
    const verdict = found === undefined ? "?" : found <= limit ? "met" : `missed: ${(found / limit).toFixed(2)} ×`;
    return [`≤ ${limit} ${peer} (${verdict})`];
  });
  return parts.join(", ");
}

export function median(values: readonly number[]): number | undefined {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const [upper, lower] = [sorted[middle], sorted[middle - 1]];
  return sorted.length % 2 === 1 || upper === undefined || lower === undefined ? upper : (upper + lower) / 2;
}

function show(value: number | undefined, unit: string): string {
  return value === undefined ? "–" : `${value.toFixed(value < 1 ? 3 : 2)}${unit}`;
}

function others(): readonly PeerName[] {
  return PEER_NAMES.filter((peer) => peer !== "strata");
}
