/** Whether requests may be sent here: the storage answers, who may do what can be told, and nobody has asked for the end. */
import type { Handler, Reply } from "../../http/message.ts";
import { text } from "../../http/reply.ts";
import { RegistryError } from "../errors.ts";
import type { Storage } from "../storage.ts";
import type { Access } from "./access.ts";
import type { Repositories } from "./repositories.ts";

export interface ReadinessOptions {
  readonly storage: Pick<Storage, "reach">;
  readonly repositories: Pick<Repositories, "exists">;
  readonly access: Pick<Access, "reach">;
  /** Hears why a file of settings cannot be read: who asks learns only which. */
  readonly report: (error: unknown) => void;
}

export function openReadiness({ storage, repositories, access, report }: ReadinessOptions): Handler {
  return async ({ closing }): Promise<Reply> => {
    if (closing.aborted) return notReady("shutting down");
    try {
      await storage.reach?.();
      await repositories.exists("readiness");
    } catch {
      return notReady("the storage cannot be reached");
    }
    try {
      await access.reach?.();
    } catch (error) {
      report(error);
      return notReady(`the ${fileOf(error)} cannot be read, and the log says why`);
    }
    return text(200, "ready\n");
  };
}

function notReady(reason: string): Reply {
  return text(503, `not ready: ${reason}\n`);
}

function fileOf(error: unknown): string {
  const { file } = ((error instanceof RegistryError ? error.detail : undefined) as { readonly file?: string }) ?? {};
  return file ?? "file of settings";
}
