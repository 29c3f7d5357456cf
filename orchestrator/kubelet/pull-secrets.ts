/** The logins that a pod brings for its images: `imagePullSecrets`. Decides, and does nothing. Spec: Kubernetes documentation, "Images". */
import { parseReference } from "../../store/reference.ts";
import type { KubeObject } from "../cluster.ts";
import { entriesOf, type Lookup } from "./environment/environment.ts";
import type { RegistryAuth } from "./images.ts";
import { specOf } from "./pod-spec.ts";

interface AuthEntry {
  readonly auth?: string;
  readonly username?: string;
  readonly password?: string;
}

export interface PullLogins {
  /** Names of secrets that are not there. */
  readonly missing: readonly string[];
  /** To be tried one after the other, those for the narrowest place first. */
  readonly logins: readonly RegistryAuth[];
}

export function pullLogins(pod: KubeObject, image: string, lookup: Lookup): PullLogins {
  const names = (specOf(pod).imagePullSecrets ?? []).flatMap(({ name = "" }) => (name === "" ? [] : [name]));
  const secrets = names.map((name) => lookup("secrets", name));
  const place = placeOf(image);
  const found = place === undefined ? [] : secrets.flatMap((secret) => (secret === undefined ? [] : authsOf(secret))).filter(([key]) => covers(key, place));
  const ordered = found.toSorted(([left], [right]) => right.length - left.length);
  return { missing: names.filter((_, index) => secrets[index] === undefined), logins: ordered.flatMap(([, entry]) => loginOf(entry)) };
}

/** Host and path of the image's repository; undefined when it is no name at all. */
function placeOf(image: string): string | undefined {
  try {
    const { domain, path } = parseReference(image);
    return `${domain}/${path}`;
  } catch {
    return undefined;
  }
}

/** A secret that cannot be read is as good as none: the pull will say what is missing. */
function authsOf(secret: KubeObject): readonly (readonly [string, AuthEntry])[] {
  const entries = entriesOf(secret);
  const [current, old] = [entries.get(".dockerconfigjson"), entries.get(".dockercfg")];
  try {
    const auths = (current === undefined ? JSON.parse(String(old ?? "{}")) : (JSON.parse(String(current)) as { auths?: object }).auths) ?? {};
    return Object.entries(auths as Record<string, AuthEntry>);
  } catch {
    return [];
  }
}

/** `https://index.docker.io/v1/` means docker.io; `*.example.com` stands for one label; a path covers what is below it. */
function covers(key: string, place: string): boolean {
  const plain = key.replace(/^https?:\/\//, "").replace(/\/(?:v[12]\/?)?$/, "");
  const [host = "", ...path] = plain.split("/");
  const [placeHost = "", ...placePath] = place.split("/");
  const pattern = (host === "index.docker.io" ? "docker.io" : host)
    .split(".")
    .map((label) => label.replace(/[\\^$+?()[\]{}|]/g, "\\$&").replaceAll("*", "[^.]*"));
  return new RegExp(`^${pattern.join("\\.")}$`).test(placeHost) && path.every((part, index) => part === placePath[index]);
}

function loginOf({ auth = "", username, password }: AuthEntry): readonly RegistryAuth[] {
  if (username !== undefined && password !== undefined) return [{ username, password }];
  const pair = Buffer.from(auth, "base64").toString();
  const colon = pair.indexOf(":");
  return colon > 0 ? [{ username: pair.slice(0, colon), password: pair.slice(colon + 1) }] : [];
}
