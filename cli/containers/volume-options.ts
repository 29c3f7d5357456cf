/** `volume create --opt`: docker's local driver mounts what these say. A folder of this machine needs no mount; others would outlive every container. */
import { isAbsolute } from "node:path";
import { UsageError } from "../errors.ts";
import { keyValue } from "./key-value.ts";

/** The folder that stands for the volume. @throws {UsageError} */
export function bindDevice(options: readonly string[]): string | undefined {
  if (options.length === 0) return undefined;
  const fields = new Map(options.map(keyValue));
  const unknown = [...fields.keys()].find((key) => key !== "type" && key !== "o" && key !== "device");
  if (unknown !== undefined) throw new UsageError(`invalid option: ${JSON.stringify(unknown)}: type, o and device are known`);
  const words = (fields.get("o") ?? "").split(",");
  const type = fields.get("type") ?? "none";
  if ((type !== "none" && type !== "bind") || !(words.includes("bind") || words.includes("rbind")))
    throw new UsageError(`Cannot make a volume of type ${type}: only folders of this machine are (type=none, o=bind); mount the rest with --mount or --tmpfs`);
  const device = fields.get("device") ?? "";
  if (!isAbsolute(device)) throw new UsageError(`invalid device ${JSON.stringify(device)}: the path of a folder is needed`);
  return device;
}
