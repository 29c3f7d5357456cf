/** Who deleted what: a line of JSON each, appended before anybody else can write into it. */
import { appendFile } from "node:fs/promises";
import { RegistryError } from "../errors.ts";
import type { EventSink } from "./events.ts";

export interface Audit extends AsyncDisposable {
  readonly note: EventSink;
}

/** @throws {RegistryError} `DENIED` when the file cannot be written now */
export async function openAudit(path: string, log: (line: string) => void): Promise<Audit> {
  await appendFile(path, "", { mode: 0o600 }).catch((cause: unknown) => {
    throw new RegistryError("DENIED", `Cannot write the audit log ${path}: ${messageOf(cause)}`, { cause });
  });
  let written = Promise.resolve();
  return {
    note({ action, timestamp, target, request, actor }): void {
      if (action !== "delete") return;
      const { repository, digest, tag } = target;
      const line = { time: timestamp, action, repository, tag, digest, user: actor.name, remote: request.addr, agent: request.useragent };
      written = written
        .then(async () => await appendFile(path, `${JSON.stringify(line)}\n`))
        .catch((error: unknown) => log(`audit: cannot write ${path}: ${messageOf(error)}: ${JSON.stringify(line)}\n`));
    },
    async [Symbol.asyncDispose](): Promise<void> {
      await written;
    },
  };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
