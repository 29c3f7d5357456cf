/** The `Authorization` header. Spec: RFC 7617 (basic), RFC 6750 (bearer). */

export type Credentials =
  | { readonly scheme: "basic"; readonly username: string; readonly password: string }
  | { readonly scheme: "bearer"; readonly token: string };

/** Undefined when absent or malformed. */
export function parseAuthorization(header: string | undefined): Credentials | undefined {
  const match = /^(basic|bearer) +(\S+) *$/i.exec(header ?? "");
  if (match === null) return undefined;
  const [, scheme = "", value = ""] = match;
  if (scheme.toLowerCase() === "bearer") return { scheme: "bearer", token: value };
  const pair = Buffer.from(value, "base64").toString("utf8");
  const colon = pair.indexOf(":");
  return colon < 0 ? undefined : { scheme: "basic", username: pair.slice(0, colon), password: pair.slice(colon + 1) };
}

export function basicAuthorization(username: string, password: string): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`;
}
