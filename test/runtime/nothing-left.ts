/** What containers must not leave on the machine or in their root, once they are removed or everybody who worked on them was killed. */
import { existsSync, readdirSync } from "node:fs";
import { rootTag } from "../../runtime/engine/identity.ts";
import type { NetworkRecord } from "../../runtime/network/record.ts";
import { isAbandoned } from "../../store/owner.ts";
import type { Store } from "../../store/store.ts";
import { leftovers } from "./engine-lab.ts";
import { strayRules } from "./published-rules.ts";
import { groupsNamed } from "../support/cgroups.ts";
import type { TemporaryRoot } from "../support/root.ts";

/** Kernel objects of containers that do not run: groups, namespaces, addresses, links, rules. Those of `running` are theirs. */
export function orphans(root: TemporaryRoot, store: Store, ids: readonly string[], running: readonly string[]): readonly string[] {
  const gone = ids.filter((id) => !running.includes(id));
  const networks = store
    .table<NetworkRecord>("runtime.networks")
    .list()
    .map(([, network]) => network);
  const owners = networks.flatMap((network) => Object.keys(network.endpoints)).filter((owner) => !running.includes(owner));
  const links = readdirSync("/sys/class/net").filter((name) => name.startsWith(`st${rootTag(root.root)}v`)); // a bridge waits for the next one
  return [
    ...gone.flatMap((id) => groupsNamed(id)),
    ...names(`${root.runRoot}/netns`).filter((owner) => !running.includes(owner)),
    ...owners.map((owner) => `address of ${owner}`),
    ...(running.length === 0 ? links : []),
    ...strayRules(root, networks, running),
  ];
}

/** Everything, when every container was removed, and the bridges that nobody was on. */
export function everythingLeft(root: TemporaryRoot, store: Store, ids: readonly string[]): readonly string[] {
  return [
    ...leftovers(root),
    ...orphans(root, store, ids, []),
    ...names(`${root.runRoot}/containers`).map((name) => `state of ${name}`),
    ...names(`${root.root}/ingest`).flatMap((name) => (isAbandoned(name) ? [`ingest/${name}`] : [])),
    ...["runtime.containers", "runtime.names", "runtime.volumes"].flatMap((table) =>
      store
        .table<unknown>(table)
        .list()
        .map(([key]) => `${table}: ${key}`),
    ),
  ];
}

function names(folder: string): readonly string[] {
  return existsSync(folder) ? readdirSync(folder) : [];
}
