/** What a root's nft tables say, held against its records: each published port of a container that lives, and nothing of any other. */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { rootTag } from "../../runtime/engine/identity.ts";
import { type Endpoint, type NetworkRecord, tableName } from "../../runtime/network/record.ts";
import type { TemporaryRoot } from "../support/root.ts";

/** Rules whose container does not run or whose bridge is gone, and ports of `running` that have none. */
export function strayRules(root: TemporaryRoot, networks: readonly NetworkRecord[], running: readonly string[]): readonly string[] {
  const tag = rootTag(root.root);
  const { stdout } = spawnSync("nft", ["--numeric", "list", "table", "ip", tableName(tag)], { encoding: "utf8" }); // no table, no rules
  const endpoints = networks.flatMap((network) => Object.values(network.endpoints)).filter(({ owner }) => running.includes(owner));
  const wanted = new Set(endpoints.flatMap((endpoint) => targetsOf(endpoint)));
  const found = new Set([...stdout.matchAll(/ : ([\d.]+ \. \d+)/g)].map(([, target = ""]) => target));
  const bridges = new Set([...stdout.matchAll(new RegExp(`"(st${tag}[0-9a-z]+)"`, "g"))].map(([, name = ""]) => name));
  return [
    ...[...found].filter((target) => !wanted.has(target)).map((target) => `rule to ${target}`),
    ...[...wanted].filter((target) => !found.has(target)).map((target) => `no rule to ${target}`),
    ...[...bridges].filter((name) => !existsSync(`/sys/class/net/${name}`)).map((name) => `rule of ${name}`),
  ];
}

function targetsOf({ address, ports }: Endpoint): readonly string[] {
  return ports.map(({ containerPort }) => `${address} . ${containerPort}`);
}
