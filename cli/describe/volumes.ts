/** The volumes of a pod, or of a template of pods. Pure. */
import { NONE } from "./fields.ts";
import type { Volume } from "./pod-types.ts";

const LEVEL = "    ";

export function volumeLines(volumes: readonly Volume[], space: "" | "  "): readonly string[] {
  if (volumes.length === 0) return [`${space}Volumes:\t${NONE}`];
  const all = volumes.flatMap((volume) => [
    `${space === "" ? "  " : "   "}${volume.name}:`,
    ...fieldsOf(volume).map(([key, value]) => `${LEVEL}${key}:\t${value}`),
    ...itemLines(volume),
  ]);
  return [`${space}Volumes:`, ...all];
}

/** Which fields of the pod are in which of a volume's files. */
function itemLines({ downwardAPI }: Volume): readonly string[] {
  if (downwardAPI === undefined) return [];
  const rows = (downwardAPI.items ?? []).map(
    ({ path, fieldRef, resourceFieldRef }) => `${LEVEL}  ${fieldRef?.fieldPath ?? resourceFieldRef?.resource ?? ""} -> ${path}`,
  );
  return [`${LEVEL}Items:`, ...rows];
}

type Fields = readonly (readonly [name: string, value: string])[];

function fieldsOf(volume: Volume): Fields {
  const { hostPath, emptyDir, nfs, persistentVolumeClaim: claim } = volume;
  if (hostPath !== undefined) return fields("HostPath (bare host directory volume)", { Path: hostPath.path, HostPathType: hostPath.type ?? NONE });
  if (emptyDir !== undefined) {
    const { medium = "", sizeLimit = "<unset>" } = emptyDir;
    return fields("EmptyDir (a temporary directory that shares a pod's lifetime)", { Medium: medium, SizeLimit: sizeLimit });
  }
  if (nfs !== undefined)
    return fields("NFS (an NFS mount that lasts the lifetime of a pod)", { Server: nfs.server, Path: nfs.path, ReadOnly: nfs.readOnly ?? false });
  if (claim !== undefined)
    return fields("PersistentVolumeClaim (a reference to a PersistentVolumeClaim in the same namespace)", {
      ClaimName: claim.claimName,
      ReadOnly: claim.readOnly ?? false,
    });
  return dataOf(volume);
}

/** Volumes of what the cluster knows. */
function dataOf({ secret, configMap, downwardAPI, ephemeral, projected }: Volume): Fields {
  if (secret !== undefined)
    return fields("Secret (a volume populated by a Secret)", { SecretName: secret.secretName ?? "", Optional: secret.optional ?? false });
  if (configMap !== undefined)
    return fields("ConfigMap (a volume populated by a ConfigMap)", { Name: configMap.name ?? "", Optional: configMap.optional ?? false });
  if (downwardAPI !== undefined) return fields("DownwardAPI (a volume populated by information about the pod)", {});
  if (ephemeral !== undefined) return fields("EphemeralVolume (an inline specification for a volume that gets created and deleted with the pod)", {});
  if (projected === undefined) return fields("<unknown>", {});
  const sources = (projected.sources ?? []).flatMap((source): Fields => {
    if (source.secret !== undefined) return Object.entries({ SecretName: source.secret.name ?? "", Optional: String(source.secret.optional ?? false) });
    if (source.configMap !== undefined)
      return Object.entries({ ConfigMapName: source.configMap.name ?? "", Optional: String(source.configMap.optional ?? false) });
    if (source.downwardAPI !== undefined) return [["DownwardAPI", "true"]];
    return source.serviceAccountToken === undefined ? [] : [["TokenExpirationSeconds", String(source.serviceAccountToken.expirationSeconds ?? 3600)]];
  });
  return [...fields("Projected (a volume that contains injected data from multiple sources)", {}), ...sources];
}

function fields(type: string, values: Readonly<Record<string, string | boolean>>): Fields {
  return [["Type", type], ...Object.entries(values).map(([key, value]) => [key, String(value)] as const)];
}
