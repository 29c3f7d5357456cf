/** `ps --filter key=value`: several values of one key are alternatives, several keys must all hold. Pure. */
import type { Container } from "../../runtime/engine.ts";
import { UsageError } from "../errors.ts";
import { shortImage } from "./container-row.ts";

type Test = (container: Container, value: string) => boolean;

const TESTS: Readonly<Record<string, Test>> = {
  id: ({ record }, value) => record.id.startsWith(value),
  name: ({ record }, value) => new RegExp(value).test(record.name),
  label: ({ record }, value) => {
    const [key = "", wanted] = value.split(/=(.*)/s);
    const found = record.config.Labels?.[key];
    return found !== undefined && (wanted === undefined || found === wanted);
  },
  status: ({ status }, value) => status.status === value,
  exited: ({ status }, value) => status.status === "exited" && status.exit?.exitCode === Number(value),
  ancestor: ({ record }, value) =>
    record.imageID.startsWith(value) ||
    record.imageID.startsWith(`sha256:${value}`) ||
    [record.imageName, shortImage(record.imageName)].some((name) => name === value || name === `${value}:latest`),
  network: ({ record }, value) => (record.network.mode.kind === "bridge" ? record.network.mode.name : record.network.mode.kind) === value,
  volume: ({ record }, value) => record.mounts.some((mount) => mount.name === value || mount.target === value || mount.source === value),
  publish: ({ record }, value) => record.network.ports.some((port) => `${port.hostPort}` === value.split("/")[0]),
  health: ({ status }, value) => (status.health?.status ?? "none") === value,
};

/** @throws {UsageError} */
export function containerFilter(filters: readonly string[]): (container: Container) => boolean {
  const groups = new Map<string, string[]>();
  for (const filter of filters) {
    const at = filter.indexOf("=");
    const key = filter.slice(0, at);
    if (at < 0 || !Object.hasOwn(TESTS, key)) throw new UsageError(`invalid filter: ${JSON.stringify(filter)}`);
    groups.set(key, [...(groups.get(key) ?? []), filter.slice(at + 1)]);
  }
  return (container) => [...groups].every(([key, values]) => values.some((value) => TESTS[key]?.(container, value) === true));
}
