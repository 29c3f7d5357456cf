/** Lists of processors and memory nodes, checked against what this machine has. Spec: cpuset(7), "List format". */
import { readFileSync } from "node:fs";
import { RuntimeError } from "../errors.ts";

const KINDS = {
  cpus: { name: "CPUs", online: "/sys/devices/system/cpu/online" },
  mems: { name: "memory nodes", online: "/sys/devices/system/node/online" },
} as const;

/** `list` again. @throws {RuntimeError} `SPEC_INVALID`, in docker's words */
export function availableSet(kind: keyof typeof KINDS, list: string, available: string = onlineOf(kind)): string {
  const { name } = KINDS[kind];
  const wanted = parseList(list);
  if (wanted === undefined) throw new RuntimeError("SPEC_INVALID", `Invalid value ${list} for cpuset ${kind}: invalid format: ${list}`);
  const there = parseList(available) ?? [];
  const isThere = ([first, last]: Range): boolean => there.some(([from, to]) => first >= from && last <= to);
  if (!wanted.every(isThere)) throw new RuntimeError("SPEC_INVALID", `Requested ${name} are not available - requested ${list}, available: ${available}`);
  return list;
}

/** Where there are no nodes to tell of, all memory is on one. */
function onlineOf(kind: keyof typeof KINDS): string {
  try {
    return readFileSync(KINDS[kind].online, "latin1").trim();
  } catch {
    return "0";
  }
}

type Range = readonly [first: number, last: number];

/** Undefined for what is no list. */
function parseList(list: string): readonly Range[] | undefined {
  const ranges: Range[] = [];
  for (const part of list.split(",")) {
    const match = /^(\d+)(?:-(\d+))?$/.exec(part.trim());
    if (match === null) return undefined;
    const [first, last] = [Number(match[1]), Number(match[2] ?? match[1])];
    if (last < first) return undefined;
    ranges.push([first, last]);
  }
  return ranges;
}
