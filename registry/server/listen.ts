/** A registry that listens: who may use it, over what, and how it ends. */
import { accessLog, type LogFormat } from "../../http/access-log.ts";
import type { Request } from "../../http/message.ts";
import { behindProxies, direct, type Network, type Peers, type ProxyHeader } from "../../http/peers.ts";
import { serve, type Listener, type ServeOptions } from "../../http/serve.ts";
import { readCertificate, watchCertificate, type Certificate, type CertificateFiles } from "../../http/watched-certificate.ts";
import type { Rate } from "../../http/rate-limit.ts";
import type { Route } from "../../http/router.ts";
import { isLoopback } from "../client/endpoint.ts";
import { openRemote } from "../client/remote.ts";
import { RegistryError } from "../errors.ts";
import { openIdentity } from "../identity.ts";
import type { Storage } from "../storage.ts";
import { anonymous, type Access } from "./access.ts";
import { openAudit, type Audit } from "./audit.ts";
import { bearerAccess } from "./bearer.ts";
import type { EventSink, RegistryEvent } from "./events.ts";
import { basicAccess, openHtpasswd } from "./htpasswd.ts";
import { throttle } from "./limits.ts";
import { mirrorLog } from "./mirror-log.ts";
import { createMetrics } from "./metrics.ts";
import { openNotifier } from "./notifier.ts";
import { answerOnlyTo, type HostCheck } from "./own-names.ts";
import { parsePolicy, usersOf } from "./policy.ts";
import { quotaFor } from "./quota.ts";
import type { QuotaOf } from "./quota-room.ts";
import { createRegistry } from "./registry.ts";
import { tokenRoutes } from "./token-service.ts";
import { watchFile } from "./watched-file.ts";

export interface RegistryListenOptions {
  readonly storage: Storage;
  readonly host: string;
  /** 0 picks a free one. */
  readonly port: number;
  /** Paths of PEM files; read again when they change. */
  readonly tls?: CertificateFiles;
  /** Path of an htpasswd file; without one everybody may do everything. */
  readonly htpasswd?: string;
  /** Path of a policy file: who may do what; needs `htpasswd`, and admits by tokens. */
  readonly policy?: string;
  /** URL of the token service as clients reach it, behind a proxy that changes it. */
  readonly tokenRealm?: string;
  /** Allows that also where other machines reach it. */
  readonly allowAnonymous?: boolean;
  /** Names that it answers to beside the machine's, where everybody on the machine is let in. */
  readonly servedNames?: readonly string[];
  readonly readOnly?: boolean;
  /** False: nothing is deleted. @default true */
  readonly deletes?: boolean;
  /** Proxies whose word counts on who asks. @default nobody's */
  readonly trustedProxies?: { readonly networks: readonly Network[]; readonly header: ProxyHeader };
  /** How often one address may ask. */
  readonly rateLimit?: Rate;
  readonly maxBlobBytes?: number;
  readonly uploadTimeoutMs?: number;
  /** Milliseconds that a client may stand still or creep. @default 120_000 */
  readonly clientTimeoutMs?: number;
  /** Host of a registry to read through; nothing can be pushed here then. */
  readonly mirror?: { readonly host: string; readonly insecure?: boolean; readonly env: NodeJS.ProcessEnv; readonly freshMs?: number };
  /** URLs that are told of pushes, pulls, mounts and deletes. */
  readonly notify?: readonly string[];
  /** Path of a file that deletes are appended to, and those that were refused. */
  readonly auditLog?: string;
  readonly logFormat?: LogFormat;
  /** Access log and reports of bugs, whole lines. */
  readonly log: (line: string) => void;
}

/** A client waits meanwhile, and what is here may do. */
const MIRROR_RETRY = { attempts: 2, firstMs: 200, longestMs: 1000 };
/** A tag is asked for at the other registry again after this long. */
const FRESH_MS = 60_000;
const MAX_HEADERS_MS = 30_000;
/** Each takes up to 60 KB when half a body is all that came: as many as there are keep the process at 160 MB, and at 250 MB while others push. */
const MAX_CONNECTIONS = 1536;

/** @throws {RegistryError} `DENIED` for an open registry on an address that others reach */
export async function listenRegistry(options: RegistryListenOptions): Promise<Listener> {
  const { storage, host, port, readOnly = false, mirror, logFormat = "text", log } = options;
  const peers = options.trustedProxies === undefined ? direct : behindProxies(options.trustedProxies.networks, options.trustedProxies.header);
  const users = openUsers();
  const { access: asked, routes, quotaOf, checkHost } = await accessOf(options, peers, users);
  const access = users.watch(asked);
  const metrics = createMetrics();
  const told = await openSinks(options);
  const handler = await createRegistry({
    storage,
    access,
    ...(mirror !== undefined ? { readOnly: "only mirrors another, where it is to be done" } : readOnly ? { readOnly: "is read-only" } : {}),
    deletes: options.deletes ?? true,
    ...(options.rateLimit === undefined ? {} : { throttle: throttle(options.rateLimit, () => performance.now(), peers) }),
    peers,
    ...(checkHost === undefined ? {} : { checkHost }),
    ...(options.maxBlobBytes === undefined ? {} : { maxBlobBytes: options.maxBlobBytes }),
    ...(options.uploadTimeoutMs === undefined ? {} : { uploadTimeoutMs: options.uploadTimeoutMs }),
    ...(mirror === undefined
      ? {}
      : {
          upstream: {
            connect: async () => await openRemote(mirror.host, { ...mirror, retry: MIRROR_RETRY }),
            freshMs: mirror.freshMs ?? FRESH_MS,
            tell: mirrorLog(log, () => performance.now()),
          },
        }),
    ...(quotaOf === undefined ? {} : { quotaOf }),
    ...(told.sinks.length === 0 ? {} : { onEvent: (event: RegistryEvent) => told.sinks.forEach((sink) => sink(event)) }),
    extraRoutes: [{ method: "GET", pattern: "/metrics", handler: () => metrics.show() }, ...routes],
    report: (bug) => log(reportOf(bug)),
  });
  const write = accessLog(logFormat, log, { peers, userOf: users.of });
  const onReply: ServeOptions["onReply"] = (request, reply, sent) => {
    metrics.count(request, reply, sent);
    told.audit?.refused(request, reply, { user: users.of(request), remote: peers.address(request) });
    write(request, reply, sent);
  };
  const tls = options.tls === undefined ? undefined : await readTls(options.tls);
  const listener = await serve({
    host,
    port,
    handler,
    onReply,
    maxConnections: MAX_CONNECTIONS,
    ...patience(options.clientTimeoutMs),
    ...(tls === undefined ? {} : { tls }),
  });
  const watching = options.tls === undefined ? undefined : renewing(listener, options.tls, log);
  const close = async (graceMs?: number): Promise<void> => {
    watching?.[Symbol.dispose]();
    await listener.close(graceMs);
    await handler[Symbol.asyncDispose]();
    await told[Symbol.asyncDispose]();
  };
  return { ...listener, close, [Symbol.asyncDispose]: async () => await close() };
}

/** Who was let in, for the log. */
interface Users {
  readonly note: (request: Request, user: string) => void;
  readonly of: (request: Request) => string | undefined;
  watch(access: Access): Access;
}

function openUsers(): Users {
  const users = new WeakMap<Request["headers"], string>();
  return {
    note: ({ headers }, user) => void users.set(headers, user),
    watch: (access) =>
      access === anonymous
        ? access
        : {
            ...access,
            async authenticate(request) {
              const grant = await access.authenticate(request);
              if (grant.user !== undefined) users.set(request.headers, grant.user);
              return grant;
            },
          },
    of: ({ headers }) => users.get(headers),
  };
}

/** Headers are short: they get less. */
function patience(stallMs: number | undefined): Pick<ServeOptions, "headersMs" | "stallMs"> {
  return stallMs === undefined ? {} : { stallMs, headersMs: Math.min(stallMs, MAX_HEADERS_MS) };
}

/** Storage that fails is no bug of ours, nor is a file of settings that cannot be read. */
function reportOf(bug: unknown): string {
  if (bug instanceof RegistryError)
    return `${bug.code === "CREDENTIALS_UNAVAILABLE" ? "settings" : "storage"}: ${bug.message}${bug.hint === undefined ? "" : ` (${bug.hint})`}\n`;
  return `bug: ${bug instanceof Error ? (bug.stack ?? bug.message) : String(bug)}\n`;
}

async function readTls(files: CertificateFiles): Promise<Certificate> {
  return await readCertificate(files).catch((cause: unknown) => {
    throw new RegistryError("CREDENTIALS_UNAVAILABLE", `Cannot serve over TLS: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  });
}

function renewing(listener: Listener, files: CertificateFiles, log: (line: string) => void): Disposable {
  return watchCertificate(
    files,
    (fresh) => listener.renew(fresh),
    (error) => log(`tls: a certificate or key that changed is not taken: ${error.message}\n`),
  );
}

interface Sinks extends AsyncDisposable {
  readonly sinks: readonly EventSink[];
  readonly audit: Audit | undefined;
}

async function openSinks({ notify = [], auditLog, log }: RegistryListenOptions): Promise<Sinks> {
  const audit = auditLog === undefined ? undefined : await openAudit(auditLog, log);
  const notifiers = notify.map((url) => openNotifier({ url, log }));
  return {
    sinks: [...(audit === undefined ? [] : [audit.note]), ...notifiers.map(({ tell }) => tell)],
    audit,
    async [Symbol.asyncDispose](): Promise<void> {
      await Promise.all([audit, ...notifiers].map(async (sink) => await sink?.[Symbol.asyncDispose]()));
    },
  };
}

interface Admission {
  readonly access: Access;
  readonly routes: readonly Route[];
  readonly quotaOf?: QuotaOf;
  readonly checkHost?: HostCheck;
}

async function accessOf(options: RegistryListenOptions, peers: Peers, users: Users): Promise<Admission> {
  const { host, htpasswd, policy, log, allowAnonymous = false, servedNames = [] } = options;
  if (policy !== undefined) return await byPolicy(options, policy, peers, users);
  if (htpasswd !== undefined) return { access: basicAccess(await openHtpasswd(htpasswd, log)), routes: [] };
  if (allowAnonymous) return { access: anonymous, routes: [] };
  if (isLoopback(host)) return { access: anonymous, routes: [], checkHost: answerOnlyTo(servedNames) };
  throw new RegistryError("DENIED", `Cannot listen on ${host} for everyone: other machines reach it`, {
    hint: "Give --htpasswd FILE, or --anonymous to let everybody push and delete",
  });
}

async function byPolicy({ storage, htpasswd, tokenRealm, log }: RegistryListenOptions, path: string, peers: Peers, users: Users): Promise<Admission> {
  if (htpasswd === undefined)
    throw new RegistryError("DENIED", `Cannot follow the policy ${path}: nobody can log in`, { hint: "Give --htpasswd FILE beside --policy" });
  const policy = watchFile(path, "policy", (text) => parsePolicy(text, path));
  const passwords = await openHtpasswd(htpasswd, log);
  const known = new Set(await passwords.names());
  const strangers = usersOf(await policy()).filter((user) => !known.has(user));
  if (strangers.length > 0) log(`policy: ${path} names users that ${htpasswd} does not have, who cannot log in: ${strangers.join(", ")}\n`);
  const { secret } = await openIdentity(storage);
  const service = { secret, passwords, policy, now: () => Date.now(), onLogin: users.note };
  return {
    access: bearerAccess({ ...service, peers, ...(tokenRealm === undefined ? {} : { realm: tokenRealm }) }),
    routes: tokenRoutes(service),
    quotaOf: async (name) => quotaFor((await policy()).quotas, name),
  };
}
