/** A reference on the command line → the repository it is in, connected. */
import { existsSync } from "node:fs";
import type { Login } from "../../registry/client/auth-files.ts";
import type { PlannedHost } from "../../registry/client/host-plan.ts";
import type { HostTerms } from "../../registry/client/host-terms.ts";
import type { RepositoryOptions, RemoteRepository } from "../../registry/client/remote-repository.ts";
import type { RetryPolicy } from "../../registry/client/retry.ts";
import type { Remote } from "../../registry/client/remote.ts";
import { parseReference, type Reference } from "../../store/reference.ts";
import type { Context } from "../context.ts";
import { UsageError } from "../errors.ts";

export interface RemoteFlags {
  /** Accept plain HTTP and untrusted certificates. */
  readonly insecure?: boolean | undefined;
  /** Instead of what the authentication files hold. */
  readonly login?: Login | undefined;
  /** The only authentication file that is read before docker's. */
  readonly authFile?: string | undefined;
  /** Folder of certificates to use instead of certs.d. */
  readonly certificates?: string | undefined;
  /** What hosts.toml says of the host. */
  readonly terms?: HostTerms | undefined;
  /** @default what suits a registry that nobody else stands in for */
  readonly retry?: RetryPolicy | undefined;
}

type Named = Pick<Reference, "domain" | "path" | "digest">;

export interface OpenedReference extends AsyncDisposable {
  readonly reference: Reference;
  readonly remote: Remote;
  readonly repository: RemoteRepository;
  /** Tag or digest to ask for. */
  readonly target: string;
}

export async function openReference(
  context: Context,
  text: string,
  flags: RemoteFlags,
  options: (remote: Remote) => RepositoryOptions | Promise<RepositoryOptions> = () => ({}),
): Promise<OpenedReference> {
  const reference = parseReference(text);
  const { path } = reference;
  const remote = await openOrigin(context, flags, reference);
  const { openRepository } = await import("../../registry/client/repository.ts");
  return {
    reference,
    remote,
    repository: openRepository(remote, path, await options(remote)),
    target: targetOf(reference),
    [Symbol.asyncDispose]: async () => await remote[Symbol.asyncDispose](),
  };
}

/** A registry as a whole. */
export async function openRegistry(context: Context, flags: RemoteFlags, host: string): Promise<Remote> {
  return await openOrigin(context, flags, { domain: host, path: "", digest: undefined });
}

/** On the terms that the files of other tools have for it. Mirrors are read from, never written to. */
async function openOrigin(context: Context, flags: RemoteFlags, place: Named): Promise<Remote> {
  const origin = (await hostsOf(context, place)).at(-1)!;
  return await openHost(context, { ...flags, insecure: flags.insecure === true || origin.insecure, terms: origin.terms }, place.domain, place.path);
}

export function targetOf({ digest, tag }: Reference): string {
  return digest ?? tag ?? "latest";
}

export async function openHost(context: Context, flags: RemoteFlags, host: string, repository: string): Promise<Remote> {
  const { openRemote } = await import("../../registry/client/remote.ts");
  const { insecure = false, login, authFile, certificates, terms, retry } = flags;
  if (authFile !== undefined && !existsSync(authFile)) throw new UsageError(`Cannot read the logins in ${authFile}: there is no such file`);
  return await openRemote(host, {
    insecure,
    env: authFile === undefined ? context.env : { ...context.env, REGISTRY_AUTH_FILE: authFile },
    signal: context.signal,
    repository,
    certificates,
    terms,
    ...(login === undefined ? {} : { login }),
    ...(retry === undefined ? {} : { retry }),
  });
}

/** Mirrors first, the registry itself last. @throws {RegistryError} `BLOCKED`, `CONFIGURATION_INVALID` */
export async function hostsOf(context: Context, { domain, path, digest }: Named): Promise<readonly PlannedHost[]> {
  const [{ planHosts }, { readHostRules }] = await Promise.all([import("../../registry/client/host-plan.ts"), import("../../registry/client/host-files.ts")]);
  const planned = planHosts({ domain, path, byDigest: digest !== undefined }, await readHostRules(domain, context.env));
  if (planned !== undefined) return planned;
  const { RegistryError } = await import("../../registry/errors.ts");
  throw new RegistryError("BLOCKED", `Cannot use ${path === "" ? domain : `${domain}/${path}`}: registries.conf blocks it`);
}
