/** Reads a PATCH body into a function from the current JSON to the new one. */
import { badRequest } from "../errors.ts";
import { isRecord } from "../schema/decode.ts";
import { applyJsonPatch } from "../patch/json-patch.ts";
import { applyMergePatch } from "../patch/merge-patch.ts";
import { applyStrategicMerge } from "../patch/strategic-merge.ts";
import { mediaType, parseJson, readBytes, unsupported } from "./body.ts";
import type { Call } from "./call.ts";

export type ApplyPatch = (type: string, current: Readonly<Record<string, unknown>>) => unknown;

export const patchTypes = [
  "application/json-patch+json",
  "application/merge-patch+json",
  "application/strategic-merge-patch+json",
  "application/apply-patch+yaml",
] as const;

/** @throws {ApiError} `BadRequest`, `UnsupportedMediaType` */
export async function readPatch({ request }: Call): Promise<ApplyPatch> {
  const type = mediaType(request) ?? "";
  const text = (await readBytes(request)).toString();
  const { value } = parseJson(text === "" ? "{}" : text);
  if (type === "application/json-patch+json") return (_, current) => applyJsonPatch(current, value);
  if (!isRecord(value)) throw badRequest("error decoding patch: the patch is not an object");
  if (type === "application/merge-patch+json") return (_, current) => applyMergePatch(current, value);
  if (type === "application/strategic-merge-patch+json") return (struct, current) => applyStrategicMerge(struct, current, value);
  throw unsupported(type, patchTypes);
}
