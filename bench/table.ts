/** The result as Markdown tables, one for each set of peers: medians, ratios, and whether each is within its budget. */
import { SECONDS, type Case, type Phase, type Unit } from "./case.ts";
import type { Samples } from "./measure.ts";

export interface Result {
  readonly one: Case;
  readonly samples: Samples;
}

const OWN = "strata";
/** Where there is no peer. */
const ALONE = `${OWN} : budget, as no peer can be had`;

export function tables(results: readonly Result[]): string {
  const sets = [...new Set(results.map(({ one }) => one.peers.join()))];
  return sets.map((set) => tableOf(results.filter(({ one }) => one.peers.join() === set))).join("\n");
}

function tableOf(results: readonly Result[]): string {
  const peers = results[0]?.one.peers ?? [];
  const ratios = others(peers).map((peer) => `${OWN} : ${peer}`);
  const head = ["measured", ...peers, ...(ratios.length === 0 ? [ALONE] : ratios), "budget"];
  const rows = results.flatMap(({ one, samples }) => one.phases.map((phase) => rowOf(one, phase, samples)));
  return [head, head.map((_, column) => (column === 0 ? "---" : "---:")), ...rows].map((row) => `| ${row.join(" | ")} |\n`).join("");
}

function rowOf(one: Case, phase: Phase, samples: Samples): readonly string[] {
  const figure = (peer: string): number | undefined => median(samples.get(phase.name)?.get(peer) ?? []);
  const own = figure(OWN);
  const ratio = (peer: string): number | undefined => {
    const theirs = figure(peer);
    return own === undefined || theirs === undefined ? undefined : own / theirs;
  };
  return [
    `${one.title}, ${phase.name}`,
    ...one.peers.map((peer) => show(figure(peer), phase.unit ?? SECONDS)),
    ...(others(one.peers).length === 0 ? [show(ofLimit(own, phase))] : others(one.peers).map((peer) => show(ratio(peer)))),
    budgetOf(one, phase, { own, ratio }),
  ];
}

function ofLimit(own: number | undefined, { limit }: Phase): number | undefined {
  return own === undefined || limit === undefined ? undefined : own / limit;
}

interface Found {
  readonly own: number | undefined;
  readonly ratio: (peer: string) => number | undefined;
}

function budgetOf(one: Case, phase: Phase, { own, ratio }: Found): string {
  const { better, name } = phase.unit ?? SECONDS;
  const parts = others(one.peers).flatMap((peer) => {
    const bound = phase.budget[peer];
    return bound === undefined ? [] : [verdict(ratio(peer), bound, better, ` ${peer}`)];
  });
  return [...parts, ...(phase.limit === undefined ? [] : [verdict(own, phase.limit, better, ` ${name}`)])].join(", ");
}

function verdict(found: number | undefined, bound: number, better: Unit["better"], what: string): string {
  const missed = found === undefined ? undefined : better === "less" ? found / bound : bound / found;
  return `${better === "less" ? "≤" : "≥"} ${bound}${what} (${missed === undefined ? "?" : missed <= 1 ? "met" : `missed: ${missed.toFixed(2)} ×`})`;
}

export function median(values: readonly number[]): number | undefined {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const [upper, lower] = [sorted[middle], sorted[middle - 1]];
  return sorted.length % 2 === 1 || upper === undefined || lower === undefined ? upper : (upper + lower) / 2;
}

function show(value: number | undefined, unit?: Unit): string {
  if (value === undefined) return "–";
  const digits = value >= 100 ? 0 : value < 1 ? 3 : 2;
  return unit === undefined ? value.toFixed(digits) : `${value.toFixed(digits)} ${unit.name}`;
}

function others(peers: readonly string[]): readonly string[] {
  return peers.filter((peer) => peer !== OWN);
}
