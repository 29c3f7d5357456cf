/** What a container may do and who it is, in the engine's terms. Decides, and does nothing. Spec: Kubernetes documentation, "Configure a Security Context". */
import type { ContainerOptions } from "../../runtime/engine.ts";
import type { Image } from "../../store/store.ts";
import type { KubeObject } from "../cluster.ts";
import { StartError } from "./errors.ts";
import { specOf, type ContainerSpec } from "./pod-spec.ts";

export interface SecurityInput {
  readonly pod: KubeObject;
  readonly container: ContainerSpec;
  readonly image: Image;
  /** `default`, `unconfined`, or a profile's text. */
  readonly seccomp: string;
}

/** @throws {StartError} `CreateContainerConfigError` */
export function securityOf({ pod, container, image, seccomp }: SecurityInput): Partial<ContainerOptions> {
  const shared = specOf(pod).securityContext ?? {};
  const own = container.securityContext ?? {};
  const user = own.runAsUser ?? shared.runAsUser;
  const group = own.runAsGroup ?? shared.runAsGroup;
  if ((own.runAsNonRoot ?? shared.runAsNonRoot) === true) refuseRoot(user, image.config.config?.User ?? "", image);
  const groups = [...(shared.supplementalGroups ?? []), ...(shared.fsGroup === undefined ? [] : [shared.fsGroup])].map(String);
  return {
    ...(user === undefined && group === undefined
      ? {}
      : { user: `${user ?? (image.config.config?.User?.split(":")[0] || 0)}${group === undefined ? "" : `:${group}`}` }),
    ...(groups.length === 0 ? {} : { groupAdd: groups }),
    numericUser: true, // or an image's passwd could make root of runAsUser
    privileged: own.privileged ?? false,
    readOnly: own.readOnlyRootFilesystem ?? false,
    noNewPrivileges: own.allowPrivilegeEscalation === false,
    capAdd: own.capabilities?.add ?? [],
    capDrop: own.capabilities?.drop ?? [],
    seccomp,
    sysctls: ownSysctls(shared.sysctls ?? []),
    ...(own.procMount === "Unmasked" ? { unmaskedProc: true } : {}),
  };
}

function refuseRoot(user: number | undefined, imageUser: string, image: Image): void {
  const name = imageUser.split(":")[0] ?? "";
  if (user !== undefined ? user !== 0 : /^[1-9]\d*$/.test(name)) return;
  const found =
    user === 0
      ? "container's runAsUser breaks non-root policy"
      : /^(?:0|root|)$/.test(name)
        ? "container has runAsNonRoot and image will run as root"
        : `container has runAsNonRoot and image has non-numeric user (${name}), cannot verify user is non-root`;
  throw new StartError("CreateContainerConfigError", `${found} (image: ${image.name ?? image.id})`);
}

/** Those of the network are set once, on the pod's namespace. */
function ownSysctls(sysctls: readonly { readonly name: string; readonly value: string }[]): Readonly<Record<string, string>> {
  return Object.fromEntries(sysctls.filter(({ name }) => !name.startsWith("net.")).map(({ name, value }) => [name, value]));
}
