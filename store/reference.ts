/** Image references as people write them, and the one full form they stand for. Spec: distribution/reference v0.6, grammar; "familiar names". */
import { isDigest, type Digest } from "./digest.ts";
import { StoreError } from "./errors.ts";

export interface Reference {
  /** `docker.io`, `127.0.0.1:5000`… */
  readonly domain: string;
  /** `library/hello` */
  readonly path: string;
  /** `latest` when neither tag nor digest is given. */
  readonly tag: string | undefined;
  readonly digest: Digest | undefined;
  /** All of it: `docker.io/library/hello:latest`, with `@digest` when given. */
  readonly name: string;
}

/** Where a name without a registry is looked for. */
export const DEFAULT_DOMAIN = "docker.io";
const DEFAULT_TAG = "latest";
const MAX_NAME_LENGTH = 255;

const LABEL = "(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])";
const DOMAIN = new RegExp(`^(?:${LABEL}(?:\\.${LABEL})*|\\[[0-9a-fA-F:]+\\])(?::[0-9]+)?$`);
const COMPONENT = "[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*";
const PATH = new RegExp(`^${COMPONENT}(?:/${COMPONENT})*$`);
const TAG = /^\w[\w.-]{0,127}$/;

/** Whether what somebody wrote stands for this full name; an id or digest does for none. */
export function isNameFor(reference: string, name: string | undefined): boolean {
  try {
    return name !== undefined && parseReference(reference).name === name;
  } catch {
    return false;
  }
}

/** Whether a registry stands in what somebody wrote; without one it is docker.io's. */
export function namesRegistry(text: string): boolean {
  return splitDomain(text).domain !== undefined;
}

export function isTag(text: string): boolean {
  return TAG.test(text);
}

/** A name as it stands after the host. */
export function isRepositoryPath(text: string): boolean {
  return text.length <= MAX_NAME_LENGTH && PATH.test(text);
}

/** @throws {StoreError} `REFERENCE_INVALID` */
export function parseReference(text: string): Reference {
  const refuse = (reason: string): never => {
    throw new StoreError("REFERENCE_INVALID", `Cannot read ${JSON.stringify(text)} as an image reference: ${reason}`);
  };
  const at = text.indexOf("@");
  const digest = at < 0 ? undefined : text.slice(at + 1);
  if (digest !== undefined && !isDigest(digest)) return refuse("what follows @ is no digest");
  const named = at < 0 ? text : text.slice(0, at);
  const colon = named.indexOf(":", named.lastIndexOf("/") + 1);
  const givenTag = colon < 0 ? undefined : named.slice(colon + 1);
  if (givenTag !== undefined && !TAG.test(givenTag)) return refuse("the tag is not 1 to 128 letters, digits, '_', '.' and '-'");
  const { domain, path } = splitDomain(colon < 0 ? named : named.slice(0, colon));
  if (/^[0-9a-f]{64}$/.test(path) && domain === undefined) return refuse("64 hex digits are an image id");
  if (domain !== undefined && !DOMAIN.test(domain)) return refuse(`${JSON.stringify(domain)} is no registry host`);
  if (path !== path.toLowerCase()) return refuse("the repository must be lower case");
  if (!PATH.test(path)) return refuse("the repository is not components of a-z, 0-9 and single separators, joined by '/'");
  const full = { domain: domain ?? DEFAULT_DOMAIN, path: (domain ?? DEFAULT_DOMAIN) === DEFAULT_DOMAIN && !path.includes("/") ? `library/${path}` : path };
  if (full.domain.length + 1 + full.path.length > MAX_NAME_LENGTH) return refuse(`the name is longer than ${MAX_NAME_LENGTH} characters`);
  const tag = givenTag ?? (digest === undefined ? DEFAULT_TAG : undefined);
  return { ...full, tag, digest: digest, name: formatReference(full.domain, full.path, tag, digest) };
}

/** `hello:latest` of `docker.io/library/hello:latest`: as docker shows it.. */
export function familiarName(name: string): string {
  const short = name.startsWith("docker.io/") ? name.slice("docker.io/".length) : name;
  const rest = short.startsWith("library/") ? short.slice("library/".length) : short;
  return short !== name && !rest.includes("/") ? rest : short;
}

/** Name without tag and digest. */
export function repositoryOf(reference: Reference): string {
  return `${reference.domain}/${reference.path}`;
}

function formatReference(domain: string, path: string, tag: string | undefined, digest: string | undefined): string {
  return `${domain}/${path}${tag === undefined ? "" : `:${tag}`}${digest === undefined ? "" : `@${digest}`}`;
}

/** The first component is a host when it looks like one: a dot, a port, `localhost`, or capitals. */
function splitDomain(name: string): { readonly domain: string | undefined; readonly path: string } {
  const slash = name.indexOf("/");
  const first = name.slice(0, Math.max(0, slash));
  if (slash < 0 || !(/[.:]/.test(first) || first === "localhost" || first !== first.toLowerCase())) return { domain: undefined, path: name };
  return { domain: first === "index.docker.io" ? DEFAULT_DOMAIN : first, path: name.slice(slash + 1) };
}
