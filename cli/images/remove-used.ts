/** Images that containers were made of: what docker refuses, and what it takes from them when it is told to. */
import { StoreError } from "../../store/errors.ts";
import { isNameFor } from "../../store/reference.ts";
import type { RemovedImage } from "../../store/store.ts";
import type { Context } from "../context.ts";
import { idsByName } from "./ids-by-name.ts";
import { readAny } from "./read-any.ts";

/**
 * Undefined when nothing stands against removing it: no container was made of it, it has another name, or `force` is given and none of its
 * containers runs. Under one that runs an image stays, though without its last name.
 * @throws {StoreError} `IMAGE_IN_USE`
 */
export async function removeUsed(context: Context, reference: string, force: boolean): Promise<RemovedImage | undefined> {
  const store = await context.store();
  const record = await store.images.find(reference);
  if (record === undefined) return undefined;
  const { id } = await readAny(store, record).catch(() => ({ id: undefined }));
  const names = [...(await idsByName(store))].filter(([, other]) => other === id);
  const name = isNameFor(reference, record.name) ? record.name : undefined;
  if (id === undefined || (names.length > 1 && (name !== undefined || !force))) return undefined;
  const containers = (await (await context.engine()).list()).filter((container) => container.record.imageID === id);
  const running = containers.find(({ status }) => status.pid !== 0);
  const [user] = containers;
  if (user !== undefined && !force)
    throw new StoreError("IMAGE_IN_USE", `Cannot remove image ${reference}: container ${user.record.name} was made of it`, {
      hint: "Remove the container first, or use --force",
    });
  if (running === undefined) return undefined;
  if (name === undefined)
    throw new StoreError(
      "IMAGE_IN_USE",
      `conflict: unable to delete ${reference} (cannot be forced) - image is being used by running container ${running.record.id.slice(0, 12)}`,
    );
  await store.images.untag(name);
  await store.images.keep(record.target);
  return { id, untagged: [name], deleted: undefined };
}
