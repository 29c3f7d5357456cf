/** A registry that listens: who may use it, over what, and how it ends. */
import { accessLog, type LogFormat } from "../../http/access-log.ts";
import { serve, type Listener } from "../../http/serve.ts";
import type { Store } from "../../store/store.ts";
import { isLoopback } from "../client/endpoint.ts";
import { RegistryError } from "../errors.ts";
import { anonymous, type Access } from "./access.ts";
import { basicAccess, openHtpasswd } from "./htpasswd.ts";
import { createMetrics } from "./metrics.ts";
import { createRegistry } from "./registry.ts";

export interface RegistryListenOptions {
  readonly store: Pick<Store, "blobs" | "ingests" | "table">;
  readonly host: string;
  /** 0 picks a free one. */
  readonly port: number;
  readonly tls?: { readonly certificate: string | Buffer; readonly key: string | Buffer };
  /** Path of an htpasswd file; without one everybody may do everything. */
  readonly htpasswd?: string;
  /** Allows that also where other machines reach it. */
  readonly allowAnonymous?: boolean;
  readonly readOnly?: boolean;
  readonly logFormat?: LogFormat;
  /** Access log and reports of bugs, whole lines. */
  readonly log: (line: string) => void;
}

/** @throws {RegistryError} `DENIED` for an open registry on an address that others reach */
export async function listenRegistry(options: RegistryListenOptions): Promise<Listener> {
  const { store, host, port, tls, readOnly = false, logFormat = "text", log } = options;
  const access = await accessOf(options);
  const metrics = createMetrics();
  const handler = await createRegistry({
    store,
    access,
    readOnly,
    extraRoutes: [{ method: "GET", pattern: "/metrics", handler: () => metrics.show() }],
    report: (bug) => log(`bug: ${bug instanceof Error ? (bug.stack ?? bug.message) : String(bug)}\n`),
  });
  const write = accessLog(logFormat, log);
  return await serve({
    host,
    port,
    handler,
    ...(tls === undefined ? {} : { tls }),
    onReply: (request, reply, sent) => {
      metrics.count(request, reply, sent);
      write(request, reply, sent);
    },
  });
}

async function accessOf({ host, htpasswd, allowAnonymous = false }: RegistryListenOptions): Promise<Access> {
  if (htpasswd !== undefined) return basicAccess(await openHtpasswd(htpasswd));
  if (allowAnonymous || isLoopback(host)) return anonymous;
  throw new RegistryError("DENIED", `Cannot listen on ${host} for everyone: other machines reach it`, {
    hint: "Give --htpasswd FILE, or --anonymous to let everybody push and delete",
  });
}
