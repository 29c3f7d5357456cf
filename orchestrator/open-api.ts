/** Opens the API server: the object log, the cluster over it, and the HTTPS listener with its own authority. */
import { join } from "node:path";
import { serve } from "../http/serve.ts";
import { failureReply } from "./api/failure.ts";
import { createHandler } from "./api/handler.ts";
import { issueToken, tokenCheck } from "./api/tokens.ts";
import type { Cluster, PodStreams, UsageSource } from "./cluster.ts";
import { formatKubeconfig } from "./kubeconfig.ts";
import type { IssueToken } from "./kubelet/service-account-token.ts";
import { openLmdbLog } from "./log/lmdb-log.ts";
import { furnishCluster } from "./objects/furnish.ts";
import { LocalCluster } from "./objects/local-cluster.ts";
import { moveServices } from "./objects/move-services.ts";
import { addressIn } from "./objects/service-addresses.ts";
import { openPki } from "./pki.ts";
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

/** @throws {ApiError} `ServiceUnavailable` when another process has the cluster open */
export async function openApi(options: ApiOptions): Promise<OpenedApi> {
  const { root, listen = DEFAULT_LISTEN, names = [], serviceCidr = "10.96.0.0/16", now = () => new Date(), onBug = () => {} } = options;
  const folder = join(root, "cluster");
  const log = openLmdbLog({ folder: join(folder, "log"), onBug });
  const pki = await openPki(join(folder, "pki"), [listen.host, ...names, addressIn(serviceCidr, 1)]);
  const settings = { serviceCidr, nodePorts: NODE_PORTS, authority: pki.authority.certificate };
  const cluster = new LocalCluster({ log, settings, now, onBug });
  let streams: PodStreams | undefined;
  const api = { log, settings, now, streams: () => streams, usage: options.usage, secret: pki.secret, checkToken: tokenCheck(pki.secret, log, now) };
  const upgrades = createUpgrades(api, onBug);
  const { certificate, key } = pki.server;
  const server = {
    handler: createHandler(api),
    upgrade: upgrades.take,
    tls: { certificate, key, ca: pki.authority.certificate },
    onError: (error: unknown) => failureReply(error, onBug),
  };
  const listener = await serve({ ...server, ...listen });
  const { inside } = options;
  const second = inside !== undefined && isLoopback(listen.host) ? await serve({ ...server, host: inside, port: listener.port }) : undefined;
  await moveServices(log, serviceCidr, options.formerCidr);
  const address = inside !== undefined && (isLoopback(listen.host) || isAny(listen.host)) ? inside : listen.host;
  await furnishCluster(cluster, { serviceCidr, api: { address, port: listener.port }, names: inside });
  const end = async (): Promise<void> => {
    const closed = Promise.all([listener.close(CLOSE_GRACE_MS), second?.close(CLOSE_GRACE_MS)]);
    await upgrades[Symbol.asyncDispose]();
    await closed;
    await log[Symbol.asyncDispose]();
  };
  let ended: Promise<void> | undefined;
  const close = async (): Promise<void> => await (ended ??= end());
  return {
    cluster,
    url: listener.url,
    authority: pki.authority.certificate,
    setStreams: (given) => void (streams = given),
    issueToken: ({ namespace, serviceAccount, ...wish }) => {
      const account = cluster.get("serviceaccounts", { namespace, name: serviceAccount });
      return account && issueToken(pki.secret, { ...wish, namespace, name: serviceAccount, uid: account.metadata.uid, now: now() });
    },
    kubeconfig: () => formatKubeconfig({ url: listener.url, authority: pki.authority.certificate, admin: pki.admin }),
    close,
    [Symbol.asyncDispose]: close,
  };
}

function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || host.startsWith("127.");
}

function isAny(host: string): boolean {
  return host === "0.0.0.0" || host === "::";
}

/** Watches end themselves; what is still under way after this long is cut. */
const CLOSE_GRACE_MS = 1000;
