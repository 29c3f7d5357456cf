/** A reference on the command line → the repository it is in, connected. */
import type { Login } from "../../registry/client/auth-files.ts";
import type { RepositoryOptions, RemoteRepository } from "../../registry/client/repository.ts";
import type { Remote } from "../../registry/client/remote.ts";
import { parseReference, type Reference } from "../../store/reference.ts";
import type { Context } from "../context.ts";

export interface RemoteFlags {
  /** Accept plain HTTP and untrusted certificates. */
  readonly insecure?: boolean;
  /** Instead of what the authentication files hold. */
  readonly login?: Login;
}

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
  { insecure = false, login }: RemoteFlags,
  options: (remote: Remote) => RepositoryOptions | Promise<RepositoryOptions> = () => ({}),
): Promise<OpenedReference> {
  const reference = parseReference(text);
  const [{ openRemote }, { openRepository }] = await Promise.all([import("../../registry/client/remote.ts"), import("../../registry/client/repository.ts")]);
  const remote = await openRemote(reference.domain, {
    insecure,
    env: context.env,
    signal: context.signal,
    repository: reference.path,
    ...(login === undefined ? {} : { login }),
  });
  return {
    reference,
    remote,
    repository: openRepository(remote, reference.path, await options(remote)),
    target: reference.digest ?? reference.tag ?? "latest",
    [Symbol.asyncDispose]: async () => await remote[Symbol.asyncDispose](),
  };
}
