/** An image for a container: from the local store first, then by pulling. Spec: Kubernetes documentation, "Images". */
import { parseReference } from "../../store/reference.ts";
import type { Image, Images } from "../../store/store.ts";
import { StartError } from "./errors.ts";
import type { ContainerSpec } from "./pod-spec.ts";
import { messageOf } from "../errors.ts";

/** Brings an image into the local store; met by the registry client. */
export interface ImagePuller {
  pull(reference: string, options: { readonly signal: AbortSignal; readonly auth?: RegistryAuth }): Promise<void>;
}

export interface RegistryAuth {
  readonly username: string;
  readonly password: string;
}

export interface ImageEvents {
  pulling(): void;
  pulled(message: string): void;
}

export interface ImageSource {
  readonly images: Images;
  readonly puller: ImagePuller;
  readonly events: ImageEvents;
  readonly signal: AbortSignal;
  readonly logins: readonly RegistryAuth[];
}

/**
 * `Always` asks the registry whenever the name says which registry; a short name (`hello:latest`) that is in the store was built here,
 * and is taken from there.
 * @throws {StartError} `ErrImagePull`, `ErrImageNeverPull`, `InvalidImageName`
 */
export async function ensureImage(container: ContainerSpec, source: ImageSource): Promise<Image> {
  const { image: reference, imagePullPolicy: policy = "IfNotPresent" } = container;
  const { images, events } = source;
  checkName(reference);
  const present = (await images.find(reference)) !== undefined;
  if (present && !(policy === "Always" && namesRegistry(reference))) {
    events.pulled(`Container image "${reference}" already present on machine`);
    return await images.open(reference);
  }
  if (policy === "Never") throw new StartError("ErrImageNeverPull", `Container image "${reference}" is not present with pull policy of Never`);
  events.pulling();
  const start = performance.now();
  try {
    await pull(reference, source);
  } catch (error) {
    throw new StartError("ErrImagePull", `failed to pull image "${reference}": ${messageOf(error)}`, { cause: error });
  }
  const took = `${((performance.now() - start) / 1000).toFixed(3)}s`;
  events.pulled(`Successfully pulled image "${reference}" in ${took} (${took} including waiting)`);
  return await images.open(reference);
}

/** With each login of the pod, then without one; what the last of the logins met is told. */
async function pull(reference: string, { puller, signal, logins }: ImageSource): Promise<void> {
  let failure: unknown;
  for (const auth of logins) {
    try {
      return await puller.pull(reference, { signal, auth });
    } catch (error) {
      signal.throwIfAborted();
      failure = error;
    }
  }
  try {
    await puller.pull(reference, { signal });
  } catch (error) {
    throw failure ?? error;
  }
}

function checkName(reference: string): void {
  try {
    parseReference(reference);
  } catch (cause) {
    const found = `couldn't parse image name "${reference}": invalid reference format`;
    throw new StartError("InvalidImageName", `Failed to apply default image tag "${reference}": ${found}`, { cause });
  }
}

/** `registry.example/x` and `localhost:5000/x` do, `x` and `team/x` do not. */
export function namesRegistry(reference: string): boolean {
  const [first = "", ...rest] = reference.split("/");
  return rest.length > 0 && (first === "localhost" || /[.:]/.test(first));
}
