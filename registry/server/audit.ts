/** Who deleted what, and who was refused it: a line of JSON each, appended before anybody else can write into it. */
import { appendFile } from "node:fs/promises";
import type { Reply, Request } from "../../http/message.ts";
import { isDigest } from "../../store/digest.ts";
import { RegistryError } from "../errors.ts";
import { isRepositoryName, isTag } from "../name.ts";
import type { EventSink } from "./events.ts";

export interface Audit extends AsyncDisposable {
  readonly note: EventSink;
  /** Of every request that was answered: those that would have deleted something. */
  refused(request: Request, reply: Reply, who: Who): void;
}

export interface Who {
  readonly user: string | undefined;
  readonly remote: string;
}

const DELETED = 202;

/** @throws {RegistryError} `DENIED` when the file cannot be written now */
export async function openAudit(path: string, log: (line: string) => void): Promise<Audit> {
  await appendFile(path, "", { mode: 0o600 }).catch((cause: unknown) => {
    throw new RegistryError("DENIED", `Cannot write the audit log ${path}: ${messageOf(cause)}`, { cause });
  });
  let written = Promise.resolve();
  const append = (line: Readonly<Record<string, unknown>>): void => {
    written = written
      .then(async () => await appendFile(path, `${JSON.stringify(line)}\n`))
      .catch((error: unknown) => log(`audit: cannot write ${path}: ${messageOf(error)}: ${JSON.stringify(line)}\n`));
  };
  return {
    note({ action, timestamp, target, request, actor }): void {
      if (action !== "delete") return;
      const { repository, digest, tag } = target;
      append({ time: timestamp, action, repository, tag, digest, status: DELETED, user: actor.name, remote: request.addr, agent: request.useragent });
    },
    refused(request, { status }, { user, remote }): void {
      const target = isRefusal(request, status) ? targetOf(request) : undefined;
      if (target !== undefined)
        append({ time: new Date().toISOString(), action: "delete", ...target, status, user, remote, agent: request.headers["user-agent"] ?? "" });
    },
    async [Symbol.asyncDispose](): Promise<void> {
      await written;
    },
  };
}

/** What is not there is refused to nobody, and who gave no password yet is only asked for it. */
function isRefusal({ method, headers }: Request, status: number): boolean {
  return method === "DELETE" && status >= 400 && status !== 404 && (status !== 401 || headers.authorization !== undefined);
}

/** Undefined of what names nothing that there could be. */
function targetOf({ path }: Request): { readonly repository: string; readonly tag?: string; readonly digest?: string } | undefined {
  const [, repository = "", kind, reference = ""] = /^\/v2\/(.+)\/(manifests|blobs)\/([^/]+)$/.exec(path.replaceAll(/%3a/gi, ":")) ?? [];
  if (!isRepositoryName(repository)) return undefined;
  if (isDigest(reference)) return { repository, digest: reference };
  return kind === "manifests" && isTag(reference) ? { repository, tag: reference } : undefined;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
