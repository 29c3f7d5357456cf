/** An image for a container: from the local store first, then by pulling. Spec: Kubernetes documentation, "Images". */
import { StoreError } from "../../store/errors.ts";
import type { Image, Images } from "../../store/store.ts";
import { messageOf, StartError } from "./errors.ts";
import type { ContainerSpec } from "./pod-spec.ts";

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

/**
 * `Always` asks the registry whenever the name says which registry; a short name (`hello:latest`) that is in the store was built here,
 * and is taken from there.
 * @throws {StartError} `ErrImagePull`, `ErrImageNeverPull`, `InvalidImageName`
 */
export async function ensureImage(container: ContainerSpec, images: Images, puller: ImagePuller, events: ImageEvents, signal: AbortSignal): Promise<Image> {
  const { image: reference, imagePullPolicy: policy = "IfNotPresent" } = container;
  const present = await find(images, reference);
  if (present && !(policy === "Always" && namesRegistry(reference))) {
    events.pulled(`Container image "${reference}" already present on machine`);
    return await images.open(reference);
  }
  if (policy === "Never") throw new StartError("ErrImageNeverPull", `Container image "${reference}" is not present with pull policy of Never`);
  events.pulling();
  const start = performance.now();
  try {
    await puller.pull(reference, { signal });
  } catch (error) {
    throw new StartError("ErrImagePull", `failed to pull image "${reference}": ${messageOf(error)}`, { cause: error });
  }
  const took = `${((performance.now() - start) / 1000).toFixed(3)}s`;
  events.pulled(`Successfully pulled image "${reference}" in ${took} (${took} including waiting)`);
  return await images.open(reference);
}

async function find(images: Images, reference: string): Promise<boolean> {
  try {
    return (await images.find(reference)) !== undefined;
  } catch (error) {
    if (error instanceof StoreError && error.code === "REFERENCE_INVALID") {
      throw new StartError(
        "InvalidImageName",
        `Failed to apply default image tag "${reference}": couldn't parse image name "${reference}": invalid reference format`,
        { cause: error },
      );
    }
    throw error;
  }
}

/** `registry.example/x` and `localhost:5000/x` do, `x` and `team/x` do not. */
export function namesRegistry(reference: string): boolean {
  const [first = "", ...rest] = reference.split("/");
  return rest.length > 0 && (first === "localhost" || /[.:]/.test(first));
}
