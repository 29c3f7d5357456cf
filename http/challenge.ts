/** The `WWW-Authenticate` header, both ways. Spec: RFC 9110, section 11.6.1. */

export interface Challenge {
  /** Lower case. */
  readonly scheme: string;
  /** Names in lower case. */
  readonly parameters: Readonly<Record<string, string>>;
}

/** Every challenge of the header, in order; what cannot be read is left out. */
export function parseChallenges(header: string): readonly Challenge[] {
  const found: { scheme: string; parameters: Record<string, string> }[] = [];
  const token = /\s*,?\s*(?:([\w!#$%&'*+.^`|~-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))|([\w!#$%&'*+.^`|~-]+)(?=\s|,|$))/gy;
  for (let match = token.exec(header); match !== null && match[0] !== ""; match = token.exec(header)) {
    const [, name, quoted, plain, scheme] = match;
    if (scheme !== undefined) found.push({ scheme: scheme.toLowerCase(), parameters: {} });
    else if (name !== undefined) {
      const last = found.at(-1);
      if (last !== undefined) last.parameters[name.toLowerCase()] = quoted?.replaceAll(/\\(.)/g, "$1") ?? plain ?? "";
    }
  }
  return found;
}

export function formatChallenge({ scheme, parameters }: Challenge): string {
  const pairs = Object.entries(parameters).map(([name, value]) => `${name}="${value.replaceAll(/["\\]/g, "\\$&")}"`);
  return `${scheme[0]?.toUpperCase() ?? ""}${scheme.slice(1)} ${pairs.join(",")}`;
}
