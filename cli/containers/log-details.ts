/** What `logs --details` prints beside each line, as docker's: sorted, escaped as in an address. Spec: docker logs; json-file driver. */
import type { ContainerRecord, LogDetails } from "../../runtime/engine.ts";
import { keyValue } from "./key-value.ts";

/** `color=red,os=linux`; empty where the log's options name nothing. */
export async function logDetails({ id, name, imageName, imageID, config, options }: ContainerRecord): Promise<string> {
  const wanted: LogDetails = options.log?.details ?? {};
  const labels = chosen(Object.entries(config.Labels ?? {}), wanted.labels, wanted.labelsRegex);
  const env = chosen((config.Env ?? []).map(keyValue), wanted.env, wanted.envRegex);
  const fields = { ID: id.slice(0, 12), FullID: id, Name: name, ImageName: imageName ?? imageID, ImageID: imageID.slice("sha256:".length).slice(0, 12) };
  const tag = wanted.tag === undefined ? [] : [["tag", (await import("../template.ts")).renderTemplate(wanted.tag, fields)] as const];
  return [...new Map([...tag, ...labels, ...env])]
    .map(([key, value]) => `${encodeURIComponent(key)}=${encodeURIComponent(value)}`)
    .sort()
    .join(",");
}

function chosen(all: readonly (readonly [string, string])[], names: string | undefined, pattern: string | undefined): readonly (readonly [string, string])[] {
  const listed = new Set((names ?? "").split(","));
  const matches = pattern === undefined ? undefined : new RegExp(pattern);
  return all.filter(([key]) => listed.has(key) || matches?.test(key) === true);
}
