/** A reference on the command line → where its image is read from: mirrors first, then its registry, each connected when it is asked. */
import type { OnTransfer } from "../../registry/client/remote-repository.ts";
import type { Remote } from "../../registry/client/remote.ts";
import type { Candidate, SourceRepository } from "../../registry/client/mirrored.ts";
import type { PlannedHost } from "../../registry/client/host-plan.ts";
import { parseReference, type Reference } from "../../store/reference.ts";
import type { Context } from "../context.ts";
import { hostsOf, openHost, targetOf, type RemoteFlags } from "./open-remote.ts";

/** Others can answer too. */
const MIRROR_RETRY = { attempts: 3, firstMs: 100, longestMs: 1_000 };

export interface SourceFlags extends RemoteFlags {
  /** `host[:port][/path]`, asked before all others. */
  readonly mirrors?: readonly string[] | undefined;
}

export interface OpenedSource extends AsyncDisposable {
  readonly reference: Reference;
  readonly repository: SourceRepository;
  /** Tag or digest to ask for. */
  readonly target: string;
}

/** Nothing is asked yet. */
export async function openSourceReference(context: Context, text: string, flags: SourceFlags, onTransfer: OnTransfer = () => {}): Promise<OpenedSource> {
  const reference = parseReference(text);
  const { mirrored } = await import("../../registry/client/mirrored.ts");
  const remotes: Promise<Remote>[] = [];
  const hosts = [...(flags.mirrors ?? []).map((mirror) => mirrorOf(mirror, reference, flags)), ...(await hostsOf(context, reference))];
  const candidates = hosts.map((host): Candidate => {
    let opened: Promise<SourceRepository> | undefined;
    const open = async (): Promise<SourceRepository> => {
      const remote = openHost(context, flagsFor(host, flags), host.host, host.repository);
      remotes.push(remote);
      remote.catch(() => {}); // awaited below, and at the end
      const { openRepository } = await import("../../registry/client/repository.ts");
      return openRepository(await remote, host.repository, { onTransfer });
    };
    return { place: `${host.host}/${host.repository}`, open: async () => await (opened ??= open()) };
  });
  return {
    reference,
    repository: mirrored(candidates),
    target: targetOf(reference),
    async [Symbol.asyncDispose]() {
      for (const end of await Promise.allSettled(remotes)) if (end.status === "fulfilled") await end.value[Symbol.asyncDispose]();
    },
  };
}

/** What was said on the command line is about the registry: no mirror gets its password. */
function flagsFor({ insecure, isMirror, terms }: PlannedHost, flags: RemoteFlags): RemoteFlags {
  return isMirror ? { authFile: flags.authFile, insecure, terms, retry: MIRROR_RETRY } : { ...flags, insecure: flags.insecure === true || insecure, terms };
}

function mirrorOf(text: string, { path }: Reference, { insecure = false }: RemoteFlags): PlannedHost {
  const [, scheme, place = ""] = /^(?:(https?):\/\/)?(.*?)\/*$/.exec(text) ?? [];
  const slash = place.indexOf("/");
  const [host, below] = slash < 0 ? [place, ""] : [place.slice(0, slash), place.slice(slash + 1)];
  return { host, repository: below === "" ? path : `${below}/${path}`, insecure: insecure || scheme === "http", isMirror: true };
}
