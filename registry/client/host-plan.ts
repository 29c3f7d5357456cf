/**
 * Which hosts are asked for an image, and in which order: mirrors, then the registry that its name says. It decides, and reads nothing.
 * Spec: containers-registries.conf(5); containerd "Registry Configuration" (hosts.toml); dockerd's daemon.json.
 */

import type { HostTerms } from "./host-terms.ts";

export interface PlannedHost {
  readonly host: string;
  /** The repository as this host calls it. */
  readonly repository: string;
  /** Plain HTTP and certificates that nobody vouches for are accepted. */
  readonly insecure: boolean;
  readonly isMirror: boolean;
  readonly terms?: HostTerms;
}

/** What is asked for. */
export interface Wanted {
  readonly domain: string;
  readonly path: string;
  readonly byDigest: boolean;
}

/** A place that stands for all that begins with `prefix`. */
export interface MirrorRule {
  /** `host[:port][/path]`, or `*.host`. */
  readonly prefix: string;
  /** Where it really is, when that is another place. */
  readonly location?: string;
  readonly insecure?: boolean;
  readonly blocked?: boolean;
  readonly terms?: HostTerms;
  readonly mirrors: readonly Mirror[];
}

export interface Mirror {
  /** `host[:port][/path]`, put in the place of the prefix. */
  readonly location: string;
  readonly insecure?: boolean;
  readonly terms?: HostTerms;
  /** What it is good for. @default "all" */
  readonly pull?: "all" | "digest-only" | "tag-only";
}

/** Of each source of rules the most specific prefix counts; the first source that knows one wins. Undefined: the image may not be pulled at all. */
export function planHosts(wanted: Wanted, sources: readonly (readonly MirrorRule[])[]): readonly PlannedHost[] | undefined {
  const name = `${wanted.domain}/${wanted.path}`;
  const origin = { host: wanted.domain, repository: wanted.path, insecure: false, isMirror: false };
  for (const rules of sources) {
    const rule = rules.filter(({ prefix }) => covers(prefix, name)).toSorted((a, b) => b.prefix.length - a.prefix.length)[0];
    if (rule === undefined) continue;
    if (rule.blocked === true) return undefined;
    const rest = restOf(rule.prefix, name);
    const mirrors = rule.mirrors
      .filter(({ pull = "all" }) => pull === "all" || (pull === "digest-only") === wanted.byDigest)
      .map(({ location, insecure = false, terms }) => ({ ...split(location + rest), insecure, isMirror: true, ...withTerms(terms) }));
    const own = rule.location === undefined ? origin : { ...split(rule.location + rest), isMirror: false };
    return [...mirrors, { ...own, insecure: rule.insecure ?? false, ...withTerms(rule.terms) }];
  }
  return [origin];
}

function withTerms(terms: HostTerms | undefined): Pick<PlannedHost, "terms"> {
  return terms === undefined ? {} : { terms };
}

function covers(prefix: string, name: string): boolean {
  if (prefix.startsWith("*.")) return (name.split("/")[0] ?? "").endsWith(prefix.slice(1));
  return name === prefix || name.startsWith(`${prefix}/`);
}

/** Of a wildcard everything after the host; what it is put behind names another host. */
function restOf(prefix: string, name: string): string {
  return prefix.startsWith("*.") ? name.slice(name.indexOf("/")) : name.slice(prefix.length);
}

function split(place: string): Pick<PlannedHost, "host" | "repository"> {
  const slash = place.indexOf("/");
  return { host: place.slice(0, slash), repository: place.slice(slash + 1) };
}
