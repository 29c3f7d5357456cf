/** Names of registries and images as other tools write them: `https://HOST/path`, `docker://HOST/NAME`. */
import { DEFAULT_DOMAIN } from "../../store/reference.ts";
import { UsageError } from "../errors.ts";

const SCHEME = /^([a-z][a-z0-9+.-]*):\/\//i;
const HOST = /^(?:\[[0-9a-f:.]+\]|[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?)(?::\d{1,5})?$/i;
const WEB = ["https", "http"];

/** Whom a login is for: what stands around the host counts for nothing, as in docker. `doing` completes "Cannot …". @throws {UsageError} */
export function loginHost(text: string, doing: string): string {
  const [host = ""] = without(text, doing, WEB).split("/");
  if (!HOST.test(host)) throw new UsageError(`Cannot ${doing} ${text}: that is no registry; give HOST or HOST:PORT`);
  return host === "index.docker.io" ? DEFAULT_DOMAIN : host;
}

/** A registry as a whole. @throws {UsageError} */
export function registryHost(text: string, doing: string): string {
  const place = without(text, doing, [...WEB, "docker"]).replace(/\/$/, "");
  const host = loginHost(place, doing);
  if (!place.includes("/")) return host;
  throw new UsageError(
    `Cannot ${doing} ${text}: that is a repository of ${host}\n'strata registry tags ${place}' lists its tags, 'strata registry ls ${host}' all repositories`,
  );
}

/** An image or a repository: `docker://` before it is skopeo's and podman's. @throws {UsageError} */
export function remoteName(text: string, doing: string): string {
  return without(text, doing, ["docker"]);
}

function without(text: string, doing: string, schemes: readonly string[]): string {
  const [start = "", scheme = ""] = SCHEME.exec(text) ?? [];
  const rest = text.slice(start.length);
  if (start === "" || schemes.includes(scheme.toLowerCase())) return rest;
  throw new UsageError(
    `Cannot ${doing} ${text}: before a registry stands ${schemes.map((one) => `${one}://`).join(", ")} or nothing, not ${start}\nGive ${imageAt(rest)}`,
  );
}

/** Where a name alone is the store's: an address of the web is none. @throws {UsageError} */
export function refuseWeb(text: string, doing: string): void {
  const [start = "", scheme = ""] = SCHEME.exec(text) ?? [];
  if (!WEB.includes(scheme.toLowerCase())) return;
  throw new UsageError(`Cannot ${doing} ${text}: before a registry stands docker://, not ${start}\nGive docker://${imageAt(text.slice(start.length))}`);
}

/** What an address of the registry's API is about; other text as it is. Spec: distribution-spec v1.1, "Endpoints". */
function imageAt(text: string): string {
  const [, host = "", path] = /^([^/]+)\/v[12](?:\/(.*))?$/.exec(text) ?? [];
  if (host === "") return text;
  const [, name = "NAME", kind = "", reference = ""] = /^(.+?)\/(tags|manifests|blobs|referrers)\/([^/?]*)/.exec(path ?? "") ?? [];
  if (kind !== "manifests") return `${host}/${name}`;
  return `${host}/${name}${reference.includes(":") ? "@" : ":"}${reference}`;
}
