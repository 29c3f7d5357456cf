/** One process at a time: memory is the truth for reads, so a second writer would make it false. The lock dies with its process. */
import { readFileSync } from "node:fs";
import type { Database } from "lmdb";
import { ApiError } from "../errors.ts";

/** Gives back what lets go. @throws {ApiError} `ServiceUnavailable` when a live process holds it */
export function own(meta: Database<string, string>, folder: string): () => void {
  const self = identity(process.pid);
  meta.transactionSync(() => {
    const owner = meta.get("owner");
    const pid = Number(owner?.split(" ")[0]);
    if (owner !== undefined && identity(pid) === owner) {
      throw new ApiError("ServiceUnavailable", `Cannot open the cluster in ${folder}: process ${pid} has it open`);
    }
    meta.putSync("owner", self);
  });
  return () => void meta.removeSync("owner");
}

/** A process id and its start time, which no later process with the same id shares. */
function identity(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return fields[0] === "Z" ? `${pid} gone` : `${pid} ${fields[19]}`; // a zombie holds nothing
  } catch {
    return `${pid} gone`;
  }
}
