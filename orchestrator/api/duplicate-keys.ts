/** Finds keys that a JSON text has twice in one object, which `JSON.parse` passes over. The text must be valid JSON. */

interface Scope {
  /** Keys seen; undefined in an array. */
  readonly keys: Set<string> | undefined;
  readonly path: string;
  key: string;
  index: number;
}

const token = /"(?:[^"\\]|\\.)*"|[{}[\],:]/g;

export function duplicateKeys(text: string): string[] {
  const found: string[] = [];
  const scopes: Scope[] = [];
  let expectsKey = false;
  for (const [part] of text.matchAll(token)) {
    const scope = scopes.at(-1);
    if (part === "{" || part === "[") {
      scopes.push({ keys: part === "{" ? new Set() : undefined, path: scope === undefined ? "" : at(scope), key: "", index: 0 });
      expectsKey = part === "{";
    } else if (part === "}" || part === "]") scopes.pop();
    else if (part === ",") {
      if (scope !== undefined) scope.index++;
      expectsKey = scope?.keys !== undefined;
    } else if (part !== ":" && expectsKey && scope?.keys !== undefined) {
      scope.key = JSON.parse(part) as string;
      if (scope.keys.has(scope.key)) found.push(at(scope));
      scope.keys.add(scope.key);
      expectsKey = false;
    }
  }
  return found;
}

function at({ keys, path, key, index }: Scope): string {
  if (keys === undefined) return `${path}[${index}]`;
  return path === "" ? key : `${path}.${key}`;
}
