/** The files that a pod's ConfigMap, Secret, downward and projected volumes show. Decides, and does nothing. */
import type { KubeObject } from "../../cluster.ts";
import type { VolumeFile } from "./atomic-folder.ts";
import { entriesOf, type Lookup } from "../environment/environment.ts";
import { localPathProblem } from "../../schema/names.ts";
import { StartError } from "../errors.ts";
import { fieldValue, resourceValue } from "../environment/fields.ts";
import { allContainers, specOf, type DownwardProjection, type ObjectProjection, type TokenProjection, type VolumeSpec } from "../pod-spec.ts";

const DEFAULT_MODE = 0o644;

/** The text of a token for this projection. */
export type TokenSource = (projection: TokenProjection) => string;

/** Undefined for a volume that is no such projection. @throws {StartError} `FailedMount` */
export function volumeFiles(pod: KubeObject, volume: VolumeSpec, lookup: Lookup, token: TokenSource): readonly VolumeFile[] | undefined {
  const { configMap, secret, downwardAPI, projected } = volume;
  if (configMap !== undefined) return objectFiles("configmaps", configMap, configMap.defaultMode, lookup);
  if (secret !== undefined) return objectFiles("secrets", { ...secret, name: secret.secretName }, secret.defaultMode, lookup);
  if (downwardAPI !== undefined) return downwardFiles(pod, downwardAPI, downwardAPI.defaultMode);
  if (projected === undefined) return undefined;
  return (projected.sources ?? []).flatMap((source) => [
    ...(source.configMap === undefined ? [] : objectFiles("configmaps", source.configMap, projected.defaultMode, lookup)),
    ...(source.secret === undefined ? [] : objectFiles("secrets", source.secret, projected.defaultMode, lookup)),
    ...(source.downwardAPI === undefined ? [] : downwardFiles(pod, source.downwardAPI, projected.defaultMode)),
    ...(source.serviceAccountToken === undefined ? [] : [tokenFile(pod, source.serviceAccountToken, token, projected.defaultMode)]),
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

/** For the pod's own user alone, when all its containers are of one; else for those of its fsGroup, or for all. */
function tokenFile(pod: KubeObject, projection: TokenProjection, token: TokenSource, mode: number = DEFAULT_MODE): VolumeFile {
  refuseClimbing(projection.path);
  const user = soleUser(pod);
  const { fsGroup } = specOf(pod).securityContext ?? {};
  const own = { path: projection.path, bytes: Buffer.from(token(projection)) };
  return user === undefined ? { ...own, mode: fsGroup === undefined ? mode : 0o600 } : { ...own, mode: 0o600, uid: user };
}

function soleUser(pod: KubeObject): number | undefined {
  const spec = specOf(pod);
  const users = new Set(
    [...(spec.initContainers ?? []), ...spec.containers].map(({ securityContext }) => securityContext?.runAsUser ?? spec.securityContext?.runAsUser),
  );
  const [user] = users;
  return users.size === 1 ? user : undefined;
}

/** The API refuses such paths too; but what is written here is written as root. */
function refuseClimbing(path: string): void {
  const problem = localPathProblem(path);
  if (problem !== undefined) throw new StartError("FailedMount", `path ${JSON.stringify(path)} ${problem}`);
}

function downwardFiles(pod: KubeObject, { items = [] }: DownwardProjection, mode: number = DEFAULT_MODE): readonly VolumeFile[] {
  return items.map(({ path, fieldRef, resourceFieldRef, mode: own }) => {
    refuseClimbing(path);
    const named = allContainers(specOf(pod)).find(({ name }) => name === resourceFieldRef?.containerName);
    const text =
      fieldRef !== undefined
        ? fieldValue(pod, fieldRef)
        : resourceFieldRef !== undefined && named !== undefined
          ? resourceValue(pod, named, resourceFieldRef)
          : "";
    return { path, bytes: Buffer.from(text), mode: own ?? mode };
  });
}
