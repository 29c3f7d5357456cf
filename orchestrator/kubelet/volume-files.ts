/** The files that a pod's ConfigMap, Secret, downward and projected volumes show. Decides, and does nothing. */
import type { KubeObject } from "../cluster.ts";
import type { VolumeFile } from "./atomic-folder.ts";
import { entriesOf, type Lookup } from "./environment.ts";
import { localPathProblem } from "../schema/names.ts";
import { StartError } from "./errors.ts";
import { fieldValue, resourceValue } from "./fields.ts";
import { specOf, type DownwardProjection, type ObjectProjection, type VolumeSpec } from "./pod-spec.ts";

const DEFAULT_MODE = 0o644;

/** Undefined for a volume that is no such projection. @throws {StartError} `FailedMount` */
export function volumeFiles(pod: KubeObject, volume: VolumeSpec, lookup: Lookup): readonly VolumeFile[] | undefined {
  const { configMap, secret, downwardAPI, projected } = volume;
  if (configMap !== undefined) return objectFiles("configmaps", configMap, configMap.defaultMode, lookup);
  if (secret !== undefined) return objectFiles("secrets", { ...secret, name: secret.secretName }, secret.defaultMode, lookup);
  if (downwardAPI !== undefined) return downwardFiles(pod, downwardAPI, downwardAPI.defaultMode);
  if (projected === undefined) return undefined;
  return (projected.sources ?? []).flatMap((source) => [
    ...(source.configMap === undefined ? [] : objectFiles("configmaps", source.configMap, projected.defaultMode, lookup)),
    ...(source.secret === undefined ? [] : objectFiles("secrets", source.secret, projected.defaultMode, lookup)),
    ...(source.downwardAPI === undefined ? [] : downwardFiles(pod, source.downwardAPI, projected.defaultMode)),
  ]);
}

function objectFiles(
  resource: "configmaps" | "secrets",
  { name = "", items, optional = false }: ObjectProjection,
  mode: number = DEFAULT_MODE,
  lookup: Lookup,
): readonly VolumeFile[] {
  const object = lookup(resource, name);
  if (object === undefined) {
    if (optional) return [];
    throw new StartError("FailedMount", `${resource === "secrets" ? "secret" : "configmap"} "${name}" not found`);
  }
  const entries = entriesOf(object);
  if (items === undefined) return [...entries].map(([path, bytes]) => ({ path, bytes, mode }));
  return items.flatMap(({ key, path, mode: own }) => {
    refuseClimbing(path);
    const bytes = entries.get(key);
    if (bytes === undefined && !optional)
      throw new StartError("FailedMount", `references non-existent ${resource === "secrets" ? "secret" : "config"} key: ${key}`);
    return bytes === undefined ? [] : [{ path, bytes, mode: own ?? mode }];
  });
}

/** The API refuses such paths too; but what is written here is written as root. */
function refuseClimbing(path: string): void {
  const problem = localPathProblem(path);
  if (problem !== undefined) throw new StartError("FailedMount", `path ${JSON.stringify(path)} ${problem}`);
}

function downwardFiles(pod: KubeObject, { items = [] }: DownwardProjection, mode: number = DEFAULT_MODE): readonly VolumeFile[] {
  const [first] = specOf(pod).containers;
  return items.map(({ path, fieldRef, resourceFieldRef, mode: own }) => {
    refuseClimbing(path);
    const text =
      fieldRef !== undefined
        ? fieldValue(pod, fieldRef)
        : resourceFieldRef !== undefined && first !== undefined
          ? resourceValue(pod, first, resourceFieldRef)
          : "";
    return { path, bytes: Buffer.from(text), mode: own ?? mode };
  });
}
