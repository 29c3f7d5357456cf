/** Names that controllers make: stable hashes of templates, in letters that spell no words. Spec: Kubernetes documentation, "Object Names and IDs". */
const ALPHABET = "bcdfghjklmnpqrstvwxz2456789";

/** FNV-1a, 32 bits, of the canonical JSON, its decimal digits mapped to the safe letters. */
export function hashObject(value: unknown): string {
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(canonicalJson(value))) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  return String(hash).replace(/\d/g, (digit) => ALPHABET[digit.charCodeAt(0) % ALPHABET.length] ?? "");
}

/** JSON with sorted keys: equal values give equal text. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, field: unknown) =>
    field !== null && typeof field === "object" && !Array.isArray(field)
      ? Object.fromEntries(Object.entries(field).toSorted(([left], [right]) => (left < right ? -1 : 1)))
      : field,
  );
}
