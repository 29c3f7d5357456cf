/** --storage-opt: `size` bounds what a container writes to its own files. Spec: docker run, --storage-opt. */
import type { ContainerOptions } from "../../runtime/engine.ts";
import { EXIT, ExitError } from "../errors.ts";
import { parseBytes } from "./sizes.ts";

/** @throws {ExitError} with status 125, as docker's */
export function storageLimitOf(options: readonly string[]): Pick<ContainerOptions, "storageLimit"> {
  let limit: ContainerOptions["storageLimit"];
  for (const option of options) {
    const [key = "", text = ""] = option.split(/=(.*)/s);
    if (key.toLowerCase() !== "size") throw new ExitError(EXIT.strata, `Unknown option ${key}: --storage-opt takes size=SIZE`);
    const bytes = parseBytes(text);
    if (bytes < 0) throw new ExitError(EXIT.strata, `invalid size: ${JSON.stringify(text)}`);
    limit = { bytes, text };
  }
  return limit === undefined || limit.bytes === 0 ? {} : { storageLimit: limit };
}
