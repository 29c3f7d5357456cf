/** The environment of a program: image first, then flags; later entries win in the place of earlier ones. */

export const DEFAULT_PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

export interface EnvironmentParts {
  readonly image: readonly string[];
  readonly flags: readonly string[];
  readonly hostname: string | undefined;
  readonly home: string;
  readonly tty: boolean;
}

export function environment(parts: EnvironmentParts): readonly string[] {
  const basis = [DEFAULT_PATH, ...(parts.hostname === undefined ? [] : [`HOSTNAME=${parts.hostname}`]), ...(parts.tty ? ["TERM=xterm"] : [])];
  const merged = mergeEnvironment(basis, parts.image, parts.flags);
  return merged.some((entry) => entry.startsWith("HOME=")) ? merged : [...merged, `HOME=${parts.home}`];
}

/** A name without `=` (docker's `-e NAME` for a variable that is not set) takes the variable away. */
export function mergeEnvironment(...lists: readonly (readonly string[])[]): readonly string[] {
  const merged = new Map<string, string>();
  for (const entry of lists.flat()) {
    const at = entry.indexOf("=");
    if (at < 0) merged.delete(entry);
    else merged.set(entry.slice(0, at), entry);
  }
  return [...merged.values()];
}
