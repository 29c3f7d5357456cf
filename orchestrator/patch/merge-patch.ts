/** JSON Merge Patch. Spec: RFC 7386. */
import { isRecord } from "../schema/decode.ts";
import { member, setMember } from "../schema/member.ts";

/** `target` is left as it is. */
export function applyMergePatch(target: unknown, patch: unknown): unknown {
  if (!isRecord(patch)) return patch;
  const result: Record<string, unknown> = isRecord(target) ? { ...target } : {};
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete result[key];
    else setMember(result, key, applyMergePatch(member(result, key), value));
  }
  return result;
}
