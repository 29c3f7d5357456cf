/** hosts.toml, registries.conf and daemon.json as rules. Each is an object that a parser has read; what is not of the right kind throws. */
import { readHostTerms, type HostTerms } from "./host-terms.ts";
import type { Mirror, MirrorRule } from "./host-plan.ts";

type Fields = Readonly<Record<string, unknown>>;

/** Of the one registry whose folder it is in. Hosts that cannot pull are left out. Its paths go through `resolve`. */
export function readHostsToml(domain: string, document: unknown, resolve = (path: string): string => path): MirrorRule {
  const { server, host = {} } = fields(document, "the file");
  const termsOf = (entry: Fields): { readonly terms?: HostTerms } => {
    const terms = readHostTerms(entry, resolve);
    return terms === undefined ? {} : { terms };
  };
  const hosts = Object.entries(fields(host, "host")).map(([url, entry]) => ({ url, entry: fields(entry, `host ${url}`) }));
  const mirrors = hosts.flatMap(({ url, entry }): readonly Mirror[] => {
    const capabilities = (entry["capabilities"] ?? ["pull", "resolve"]) as readonly string[];
    if (!capabilities.includes("pull")) return [];
    return [{ ...located(url, entry), ...termsOf(entry), ...(capabilities.includes("resolve") ? {} : { pull: "digest-only" as const }) }];
  });
  const own = server === undefined ? undefined : located(text(server, "server"), document as Fields);
  const isElsewhere = own !== undefined && own.location !== domain && !(domain === "docker.io" && own.location === "registry-1.docker.io");
  return {
    prefix: domain,
    mirrors,
    ...(isElsewhere ? { location: own.location } : {}),
    insecure: own?.insecure ?? (document as Fields)["skip_verify"] === true,
    ...termsOf(document as Fields),
  };
}

/** A URL with a path needs `override_path`, as `https://host/v2/project`: what stands after /v2/ goes before the repository. */
function located(url: string, entry: Fields): { readonly location: string; readonly insecure: boolean } {
  const { protocol, host, pathname } = new URL(url.includes("://") ? url : `https://${url}`);
  const path = pathname.replace(/\/+$/, "");
  const below = path === "" || path === "/v2" ? "" : entry["override_path"] === true && path.startsWith("/v2/") ? path.slice("/v2".length) : undefined;
  if (below === undefined) throw new Error(`the path of ${url} is no registry's: write https://host/v2/PROJECT with override_path = true`);
  return { location: host + below, insecure: protocol === "http:" || entry["skip_verify"] === true };
}

/** Version 2 of the format. */
export function readRegistriesConf(document: unknown): readonly MirrorRule[] {
  const { registry = [] } = fields(document, "the file");
  if (!Array.isArray(registry)) return []; // version 1 had a table of lists
  return registry.map((item: unknown) => {
    const entry = fields(item, "registry");
    const { location, prefix = location, insecure, blocked, mirror = [] } = entry;
    const place = trimmed(text(prefix, "registry.prefix"));
    const own = location === undefined ? undefined : trimmed(text(location, "registry.location"));
    return {
      prefix: place,
      ...(own === undefined || own === place ? {} : { location: own }),
      insecure: insecure === true,
      blocked: blocked === true,
      mirrors: (mirror as readonly unknown[]).map((one) => readMirror(fields(one, "registry.mirror"), entry["mirror-by-digest-only"] === true)),
    };
  });
}

function readMirror({ location, insecure, "pull-from-mirror": pull }: Fields, byDigestOnly: boolean): Mirror {
  const isKnown = pull === "all" || pull === "digest-only" || pull === "tag-only";
  return {
    location: trimmed(text(location, "registry.mirror.location")),
    insecure: insecure === true,
    pull: isKnown ? pull : byDigestOnly ? "digest-only" : "all",
  };
}

/** Its mirrors are docker.io's; its insecure registries keep what they are called. Networks in CIDR notation stand for hosts that nobody asks for by name. */
export function readDaemonJson(document: unknown): readonly MirrorRule[] {
  const { "registry-mirrors": mirrors = [], "insecure-registries": insecure = [] } = fields(document, "the file");
  const locations = (mirrors as readonly unknown[]).map((url) => located(text(url, "registry-mirrors"), {}));
  const hosts = (insecure as readonly unknown[]).map((host) => text(host, "insecure-registries")).filter((host) => !host.includes("/"));
  return [
    ...(locations.length === 0 ? [] : [{ prefix: "docker.io", mirrors: locations }]),
    ...hosts.map((prefix) => ({ prefix, insecure: true, mirrors: locations.filter(({ location }) => location === prefix && prefix === "docker.io") })),
  ];
}

function fields(value: unknown, what: string): Fields {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Fields;
  throw new Error(`${what} is no table`);
}

function text(value: unknown, what: string): string {
  if (typeof value === "string" && value !== "") return value;
  throw new Error(`${what} is no text`);
}

function trimmed(place: string): string {
  return place.replace(/\/+$/, "");
}
