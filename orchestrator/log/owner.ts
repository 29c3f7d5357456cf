/** One process at a time: memory is the truth for reads, so a second writer would make it false. The lock dies with its process. */
import type { Database } from "lmdb";
import { isAlive, startTimeOf } from "../../store/process-id.ts";
import { ApiError } from "../errors.ts";

/** Gives back what lets go. @throws {ApiError} `ServiceUnavailable` when a live process holds it */
export function own(meta: Database<string, string>, folder: string): () => void {
  const self = `${process.pid} ${startTimeOf(process.pid)}`;
  meta.transactionSync(() => {
    const owner = meta.get("owner");
    const [pid = 0, started = 0] = owner?.split(" ").map(Number) ?? [];
    if (isAlive(pid, started)) {
      throw new ApiError("ServiceUnavailable", `Cannot open the cluster in ${folder}: process ${pid} has it open`);
    }
    meta.putSync("owner", self);
  });
  return () => void meta.removeSync("owner");
}
