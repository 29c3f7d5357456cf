/** Opens the API server: the object log, the cluster over it, and the HTTPS listener with its own authority. */
import { join } from "node:path";
import { serve, type Listener } from "../http/serve.ts";
import type { Api } from "./api/call.ts";
import { failureReply } from "./api/failure.ts";
import { createHandler } from "./api/handler.ts";
import { issueToken, tokenCheck } from "./api/access/tokens.ts";
import { WatchLines } from "./api/watch/watch-lines.ts";
import type { Cluster, PodStreams, UsageSource } from "./cluster.ts";
import { formatKubeconfig } from "./kubeconfig.ts";
import type { IssueToken } from "./kubelet/service-account-token.ts";
import { openLmdbLog } from "./log/lmdb-log.ts";
import type { ObjectLog } from "./log/object-log.ts";
import { furnishCluster, keepFurnished } from "./objects/furnish.ts";
import { LocalCluster } from "./objects/local-cluster.ts";
import { moveServices } from "./objects/move-services.ts";
import { addressIn } from "./objects/service-addresses.ts";
import { openPki, type Pki } from "./pki.ts";
import { createUpgrades } from "./stream/upgrade.ts";

export interface ApiOptions {
  /** The cluster's own folder is `cluster` under it. */
  readonly root: string;
  /** Port 0 picks a free one. @default 127.0.0.1:6443 */
  readonly listen?: { readonly host: string; readonly port: number };
  /** This process's address for pods, where they find names at port 53. When `listen` is loopback the API listens there too, at the same port. */
  readonly inside?: string;
  /** More names and addresses that the server's certificate is for. */
  readonly names?: readonly string[];
  /** @default 10.96.0.0/16 */
  readonly serviceCidr?: string;
  /** What the range was before it moved: services keep their place in it. */
  readonly formerCidr?: string | undefined;
  readonly now?: () => Date;
  /** What nodes and pods use: without it metrics answer 503. */
  readonly usage?: UsageSource;
  /** Hears of errors that nobody threw on purpose. */
  readonly onBug?: (error: unknown) => void;
}

export interface OpenedApi extends AsyncDisposable {
  readonly cluster: Cluster;
  readonly url: string;
  /** PEM of the authority that signed its certificate. */
  readonly authority: string;
  /** Until it is called, logs, exec, attach and port-forward answer 503. */
  setStreams(streams: PodStreams): void;
  /** For the pods' own volumes. */
  readonly issueToken: IssueToken;
  /** For the administrator: keep it in a file of mode 0600. */
  kubeconfig(): string;
  /** Idempotent. */
  close(): Promise<void>;
}

const DEFAULT_LISTEN = { host: "127.0.0.1", port: 6443 };
const NODE_PORTS = [30_000, 32_767] as const;

/** What fails leaves nothing open. @throws {ApiError} `ServiceUnavailable` when another process has the cluster open */
export async function openApi(options: ApiOptions): Promise<OpenedApi> {
  const log = openLmdbLog({ folder: join(options.root, "cluster", "log"), onBug: options.onBug ?? (() => {}) });
  const closers: AsyncDisposable[] = [log];
  const end = async (): Promise<void> => {
    for (const closer of closers.toReversed()) await closer[Symbol.asyncDispose]();
  };
  let ended: Promise<void> | undefined;
  const close = async (): Promise<void> => await (ended ??= end());
  try {
    return { ...(await openOver(log, options, closers)), close, [Symbol.asyncDispose]: close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Adds what it opens to `closers`. */
async function openOver(log: ObjectLog, options: ApiOptions, closers: AsyncDisposable[]): Promise<Omit<OpenedApi, "close" | typeof Symbol.asyncDispose>> {
  const { root, listen = DEFAULT_LISTEN, inside, names = [], serviceCidr = "10.96.0.0/16", now = () => new Date(), onBug = () => {} } = options;
  const pki = await openPki(join(root, "cluster", "pki"), [listen.host, ...names, addressIn(serviceCidr, 1)]);
  const settings = { serviceCidr, nodePorts: NODE_PORTS, authority: pki.authority.certificate };
  const cluster = new LocalCluster({ log, settings, now, onBug });
  let streams: PodStreams | undefined;
  const checkToken = tokenCheck(pki.secret, log, now);
  const api = { log, settings, now, streams: () => streams, usage: options.usage, secret: pki.secret, checkToken, lines: new WatchLines() };
  const { url, port } = await startListeners(api, pki, { listen, inside, onBug }, closers);
  await moveServices(log, serviceCidr, options.formerCidr);
  const address = inside !== undefined && (isLoopback(listen.host) || isAny(listen.host)) ? inside : listen.host;
  const furnishing = { serviceCidr, api: { address, port }, names: inside };
  await furnishCluster(cluster, furnishing);
  closers.push(keepFurnished(cluster, furnishing, onBug));
  return {
    cluster,
    url,
    authority: pki.authority.certificate,
    setStreams: (given) => void (streams = given),
    issueToken: ({ namespace, serviceAccount, ...wish }) => {
      const account = cluster.get("serviceaccounts", { namespace, name: serviceAccount });
      return account && issueToken(pki.secret, { ...wish, namespace, name: serviceAccount, uid: account.metadata.uid, now: now() });
    },
    kubeconfig: () => formatKubeconfig({ url, authority: pki.authority.certificate, admin: pki.admin }),
  };
}

interface Places {
  readonly listen: { readonly host: string; readonly port: number };
  readonly inside: string | undefined;
  readonly onBug: (error: unknown) => void;
}

/** The first of them. */
async function startListeners(api: Api, { server, authority }: Pki, { listen, inside, onBug }: Places, closers: AsyncDisposable[]): Promise<Listener> {
  const upgrades = createUpgrades(api, onBug);
  const listeners: Listener[] = [];
  closers.push({
    async [Symbol.asyncDispose](): Promise<void> {
      const closed = Promise.all(listeners.map(async (listener) => await listener.close(CLOSE_GRACE_MS)));
      await upgrades[Symbol.asyncDispose]();
      await closed;
    },
  });
  const { certificate, key } = server;
  const shared = {
    handler: createHandler(api),
    upgrade: upgrades.take,
    tls: { certificate, key, ca: authority.certificate },
    onError: (error: unknown) => failureReply(error, onBug),
  };
  const first = await serve({ ...shared, ...listen });
  listeners.push(first);
  if (inside !== undefined && isLoopback(listen.host)) listeners.push(await serve({ ...shared, host: inside, port: first.port }));
  return first;
}

function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || host.startsWith("127.");
}

function isAny(host: string): boolean {
  return host === "0.0.0.0" || host === "::";
}

/** Watches end themselves; what is still under way after this long is cut. */
const CLOSE_GRACE_MS = 1000;
