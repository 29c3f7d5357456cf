/** Blobs that are pulled or pushed, as statuses of a build's vertex. */
import type { Status } from "../../builder/progress.ts";
import type { OnTransfer } from "../../registry/client/remote-repository.ts";

export function transferStatus(onStatus: (status: Status) => void): OnTransfer {
  const bytes = new Map<string, number>();
  const done = new Set<string>();
  return ({ digest, size }, state, more) => {
    const isDone = state !== "waiting" && state !== "transferring";
    if (done.has(digest)) return;
    if (isDone) done.add(digest);
    const current = (bytes.get(digest) ?? 0) + more;
    bytes.set(digest, current);
    onStatus({ id: digest, current: isDone ? size : Math.min(current, size), total: size, isDone });
  };
}
