/** `ps --filter key=value`: several values of one key are alternatives (of labels all are wanted), several keys must all hold. Pure. */
import type { Container } from "../../runtime/engine.ts";
import { UsageError } from "../errors.ts";
import { networkNames, shortImage } from "./container-row.ts";
import { has } from "./prune-filter.ts";

type Test = (container: Container, value: string, all: readonly Container[]) => boolean;

const STATES: readonly string[] = ["created", "running", "paused", "restarting", "removing", "exited", "dead"];

const TESTS: Readonly<Record<string, Test>> = {
  id: ({ record }, value) => record.id.startsWith(value),
  name: ({ record }, value) => new RegExp(value).test(record.name),
  label: ({ record }, value) => has(record.config.Labels ?? {}, value),
  status: ({ status }, value) => status.status === value,
  exited: ({ status }, value) => status.status === "exited" && status.exit?.exitCode === Number(value),
  ancestor: ({ record }, value) =>
    record.imageID.startsWith(value) ||
    record.imageID.startsWith(`sha256:${value}`) ||
    [record.options.imageReference, record.imageName, shortImage(record.imageName)].some((name) => name === value || name === `${value}:latest`),
  network: ({ record }, value) =>
    networkNames(record).includes(value) || (record.network.endpoints ?? []).some(({ networkID }) => networkID !== "" && networkID.startsWith(value)),
  volume: ({ record }, value) => record.mounts.some((mount) => mount.name === value || mount.target === value || mount.source === value),
  before: ({ record }, value, all) => record.createdAt < named(all, value).createdAt,
  since: ({ record }, value, all) => record.createdAt > named(all, value).createdAt,
  expose: ({ record }, value) => inRange(value, Object.keys(record.config.ExposedPorts ?? {})),
  publish: ({ record }, value) =>
    inRange(
      value,
      record.network.ports.map((port) => `${port.hostPort}/${port.protocol}`),
    ),
  "is-task": (_container, value) => value === "false" || value === "0", // tasks are a swarm's
  health: ({ status }, value) => (status.health?.status ?? "none") === value,
};

function named(all: readonly Container[], reference: string): Container["record"] {
  const found = all.find(({ record }) => record.name === reference || record.id === reference) ?? all.find(({ record }) => record.id.startsWith(reference));
  if (found === undefined) throw new UsageError(`invalid filter: there is no container ${JSON.stringify(reference)}`);
  return found.record;
}

/** `80`, `80/udp` or `8000-8080/tcp`. */
function inRange(text: string, ports: readonly string[]): boolean {
  const [, first = "", last = first, protocol = "tcp"] = /^(\d+)(?:-(\d+))?(?:\/(tcp|udp|sctp))?$/.exec(text) ?? [];
  if (first === "") throw new UsageError(`invalid filter: ${JSON.stringify(text)} is no port`);
  return ports.some((port) => {
    const [number, kind] = port.split("/");
    return kind === protocol && Number(number) >= Number(first) && Number(number) <= Number(last);
  });
}

/** @throws {UsageError} */
export function containerFilter(filters: readonly string[], all: readonly Container[] = []): (container: Container) => boolean {
  const groups = new Map<string, string[]>();
  for (const filter of filters) {
    const at = filter.indexOf("=");
    const key = filter.slice(0, at);
    if (at < 0 || !Object.hasOwn(TESTS, key)) throw new UsageError(`invalid filter: ${JSON.stringify(filter)}`);
    const value = filter.slice(at + 1);
    if (key === "status" && !STATES.includes(value)) throw new UsageError(`invalid filter: there is no status ${JSON.stringify(value)}: ${STATES.join(", ")}`); // it would match nothing and look like an answer
    groups.set(key, [...(groups.get(key) ?? []), value]);
  }
  return (container) =>
    [...groups].every(([key, values]) => values[key === "label" ? "every" : "some"]((value) => TESTS[key]?.(container, value, all) === true));
}
