/** The TCP ports that an image of the store EXPOSEs. */
import type { Context } from "../context.ts";

/** Undefined where the image is not here, in ascending order else. */
export async function exposedPorts(context: Context, image: string): Promise<readonly number[] | undefined> {
  const store = await context.store();
  const found = await store.images.open(image).catch(() => undefined);
  if (found === undefined) return undefined;
  const ports = Object.keys(found.config.config?.ExposedPorts ?? {}).flatMap((port) => /^(\d+)(?:\/tcp)?$/.exec(port)?.slice(1) ?? []);
  return ports.map(Number).toSorted((left, right) => left - right);
}
