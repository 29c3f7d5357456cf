/** Which seccomp profile a container runs under, as the engine takes it. Spec: Kubernetes documentation, "Restrict a Container's Syscalls with seccomp". */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { KubeObject } from "../cluster.ts";
import { messageOf } from "../errors.ts";
import { localPathProblem } from "../schema/names.ts";
import { StartError } from "./errors.ts";
import type { PodFolders } from "./pod-folder.ts";
import { specOf, type ContainerSpec } from "./pod-spec.ts";

/** Without a word it is the default one: stricter than upstream's Unconfined. @throws {StartError} `CreateContainerError` */
export async function seccompProfile(folders: PodFolders, pod: KubeObject, { securityContext }: ContainerSpec): Promise<string> {
  const { type = "RuntimeDefault", localhostProfile = "" } = securityContext?.seccompProfile ?? specOf(pod).securityContext?.seccompProfile ?? {};
  if (type === "Unconfined") return "unconfined";
  if (type !== "Localhost") return "default";
  const path = join(folders.seccomp, localhostProfile);
  if (localhostProfile === "" || localPathProblem(localhostProfile) !== undefined)
    throw new StartError("CreateContainerError", `seccomp profile ${JSON.stringify(localhostProfile)} leads out of its folder`);
  try {
    const text = await readFile(path, "utf8");
    JSON.parse(text);
    return text;
  } catch (error) {
    throw new StartError("CreateContainerError", `cannot load seccomp profile "${path}": ${messageOf(error)}`, {
      cause: error,
    });
  }
}
