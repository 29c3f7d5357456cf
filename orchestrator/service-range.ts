/** The range of a cluster's service addresses: chosen at its first start, kept with its objects. */
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { ServiceNetwork, ServiceRange } from "../runtime/service-network.ts";
import { clusterFolder } from "./folders.ts";
import { PodFolders } from "./kubelet/pod-folder.ts";
import type { ApiOptions } from "./open-api.ts";
import { messageOf } from "./errors.ts";

export interface ClaimedRange extends ServiceRange {
  /** What it was before, when another use of this machine's addresses made it move. */
  readonly former: string | undefined;
}

/** Undefined where this process may not make links: then services are reached at the node's ports only. */
export async function claimServiceRange(root: string, network: ServiceNetwork, log: (message: string) => void): Promise<ClaimedRange | undefined> {
  const path = join(clusterFolder(root), "service-range");
  const kept = await readFile(path, "utf8").then(
    (text) => text.trim(),
    () => undefined,
  );
  try {
    const range = await network.claim(kept);
    if (range.cidr === kept) return { ...range, former: undefined };
    await mkdir(clusterFolder(root), { recursive: true });
    await writeFile(`${path}.new`, `${range.cidr}\n`);
    await rename(`${path}.new`, path);
    if (kept !== undefined) log(`This machine uses ${kept} otherwise now: services move to ${range.cidr}`);
    return { ...range, former: kept };
  } catch (error) {
    log(`Services have no cluster addresses: ${messageOf(error)}`);
    return undefined;
  }
}

/** What the API server is told of the range. */
export function apiRange(range: ClaimedRange | undefined): Pick<ApiOptions, "serviceCidr" | "formerCidr" | "inside"> {
  return range === undefined ? {} : { serviceCidr: range.cidr, formerCidr: range.former, inside: range.address };
}

/** Services stay in force while pods run; without any pod there is nobody to serve. */
export function leaveServices(root: string, network: ServiceNetwork): AsyncDisposable {
  return {
    async [Symbol.asyncDispose](): Promise<void> {
      if ((await new PodFolders(clusterFolder(root)).list()).length === 0) await network.remove();
    },
  };
}
