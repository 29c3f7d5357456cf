/**
 * Git repositories as builders name them: `https://host/x.git#ref:subdir`, `?ref=&subdir=…`, `git@host:x`, `ssh://`, `git://`.
 * Spec: Docker build reference, "Git repositories", "URL queries".
 */
import { posix } from "node:path";
import { readBool } from "../dockerfile/flags.ts";
import { BuilderError } from "../errors.ts";
import { redact } from "../redact.ts";

export interface GitReference {
  /** For git; without password, query and fragment. */
  readonly remote: string;
  readonly protocol: "https" | "http" | "ssh" | "git";
  /** With the port, if one is named. */
  readonly host: string;
  /** Of the URL. */
  readonly login: { readonly user: string; readonly password: string } | undefined;
  /** Undefined: what HEAD points at. */
  readonly ref: string | undefined;
  /** Relative, cleaned; "" is all of it. */
  readonly subdir: string;
  /** What the commit's name must begin with. */
  readonly checksum: string | undefined;
  readonly keepGitDir: boolean | undefined;
  readonly submodules: boolean;
}

const URL_FORM = /^(https?|ssh|git):\/\/([^/?#]*)([^?#]*)(?:\?([^#]*))?(?:#(.*))?$/s;
const SCP_FORM = /^(\w[\w-]*@([a-zA-Z0-9][\w.-]*):)([^?#]*)(?:\?([^#]*))?(?:#(.*))?$/s;
/** What git forbids in a ref, and a leading dash, which it would take for an option. */
const BAD_REF = /^[-/.]|[\0-\x20\x7f~^:?*[\]\\]|\.\.|@\{|\/\/|[/.]$|\.lock$/;

/** @throws {BuilderError} `GIT_INVALID` */
export function parseGitUrl(text: string): GitReference {
  const written = text.startsWith("github.com/") ? `https://${text}` : text;
  const url = URL_FORM.exec(written);
  const scp = url === null ? SCP_FORM.exec(written) : null;
  const [, head = "", , path = "", query = "", fragment = ""] = url ?? scp ?? [];
  if ((url === null && scp === null) || path === "" || /[\0-\x20\x7f]/.test(path)) throw invalid(text, "it is no git repository");
  const place = scp === null ? placeOf(text, url![1]!, url![2]!, path) : { remote: head + path, protocol: "ssh" as const, host: scp[2]!, login: undefined };
  if (place.protocol === "ssh" && path.replace(/^\/(?:~[^/]*\/)?/, "").startsWith("-")) throw invalid(text, "its path begins with a dash");
  return { ...place, ...readOptions(text, query, fragment) };
}

function placeOf(text: string, protocol: string, authority: string, path: string): Pick<GitReference, "remote" | "protocol" | "host" | "login"> {
  const at = authority.lastIndexOf("@");
  const host = authority.slice(at + 1);
  if (!/^(?:[a-zA-Z0-9][\w.-]*|\[[0-9a-fA-F:]+\])(?::\d+)?$/.test(host)) throw invalid(text, `${JSON.stringify(host)} is no host`);
  const [user = "", ...rest] = at < 0 ? [] : authority.slice(0, at).split(":");
  if (protocol === "ssh" && at >= 0 && !/^\w[\w.-]*$/.test(user)) throw invalid(text, `${JSON.stringify(user)} is no user`);
  const isHttp = protocol === "http" || protocol === "https";
  return {
    remote: `${protocol}://${protocol === "ssh" && at >= 0 ? `${user}@` : ""}${host}${path}`,
    protocol: protocol as GitReference["protocol"],
    host,
    login: isHttp && at >= 0 ? { user: decodeURIComponent(user), password: decodeURIComponent(rest.join(":")) } : undefined,
  };
}

type Options = Pick<GitReference, "ref" | "subdir" | "checksum" | "keepGitDir" | "submodules">;

const QUERY_KEYS = ["ref", "tag", "branch", "subdir", "checksum", "commit", "keep-git-dir", "submodules"];

function readOptions(text: string, query: string, fragment: string): Options {
  const values = readQuery(text, query);
  const colon = fragment.indexOf(":");
  const one = (name: string, ...given: readonly (string | undefined)[]): string | undefined => {
    const [first, ...others] = [...new Set(given.filter((value) => value !== undefined && value !== ""))];
    if (others.length > 0) throw invalid(text, `${name} is given twice, as ${first} and ${others.join(", ")}`);
    return first;
  };
  const full = (kind: "tags" | "heads", value: string | undefined): string | undefined =>
    value === undefined || value.startsWith(`refs/${kind}/`) ? value : `refs/${kind}/${value}`;
  const checksum = one("checksum", values.get("checksum"), values.get("commit"));
  if (checksum !== undefined && !/^[0-9a-f]{7,64}$/.test(checksum)) throw invalid(text, `checksum ${checksum} is no commit: 7 to 64 hex digits`);
  const inFragment = colon < 0 ? fragment : fragment.slice(0, colon);
  const ref = one("ref", decoded(inFragment), values.get("ref"), full("tags", values.get("tag")), full("heads", values.get("branch"))) ?? checksum;
  if (ref !== undefined && BAD_REF.test(ref)) throw invalid(text, `${JSON.stringify(ref)} is no ref`);
  const subdir = one("subdir", colon < 0 ? undefined : decoded(fragment.slice(colon + 1)), values.get("subdir")) ?? "";
  const keep = values.get("keep-git-dir");
  const submodules = values.get("submodules");
  return {
    ref,
    checksum,
    subdir: posix.join("/", subdir).replace(/^\/+|\/+$/g, ""),
    keepGitDir: keep === "" ? true : readBool("keep-git-dir", keep),
    submodules: submodules === "" ? true : (readBool("submodules", submodules) ?? true),
  };
}

function readQuery(text: string, query: string): ReadonlyMap<string, string> {
  const values = new Map<string, string>();
  for (const [name, value] of new URLSearchParams(query)) {
    if (!QUERY_KEYS.includes(name)) throw invalid(text, `unexpected query ${JSON.stringify(name)}`);
    if (values.has(name)) throw invalid(text, `query ${JSON.stringify(name)} has multiple values`);
    if (value === "" && name !== "keep-git-dir" && name !== "submodules") throw invalid(text, `query ${JSON.stringify(name)} has no value`);
    values.set(name, value);
  }
  return values;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function invalid(text: string, reason: string): BuilderError {
  return new BuilderError("GIT_INVALID", `Cannot use ${redact(text)} as a git repository: ${reason}`);
}
