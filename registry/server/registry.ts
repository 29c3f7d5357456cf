/** The registry as one handler: routes, admission, refusals. Spec: distribution-spec v1.1, "Endpoints". */
import type { Handler, Reply, Request } from "../../http/message.ts";
import { direct, type Peers } from "../../http/peers.ts";
import { empty, json } from "../../http/reply.ts";
import { router, type Route } from "../../http/router.ts";
import { RegistryError } from "../errors.ts";
import { isRepositoryName } from "../name.ts";
import type { Access, Action } from "./access.ts";
import { openAdmission, type Admission } from "./admission.ts";
import { type AtWork, openAtWork } from "./at-work.ts";
import { deleteBlob, getBlob } from "./blob-handlers.ts";
import { refuseCrossSite } from "./cross-site.ts";
import { eventOf, type EventSink } from "./events.ts";
import { openIdentity, STORE_HEADER } from "../identity.ts";
import { expireUploads } from "./expire-uploads.ts";
import type { Throttle } from "./limits.ts";
import type { HostCheck } from "./own-names.ts";
import { listCatalog, listReferrers, listTags } from "./list-handlers.ts";
import { openManifestCache } from "./manifest-cache.ts";
import { deleteManifest, getManifest, putManifest } from "./manifest-handlers.ts";
import { openMirror, type MirrorOptions } from "./mirror.ts";
import type { Call, Parts } from "./parts.ts";
import { linkWithin } from "./quota.ts";
import type { Lease } from "./quota-lease.ts";
import { FREE, openRoom, type QuotaOf } from "./quota-room.ts";
import { refuse } from "./refuse.ts";
import { openRepositories } from "./repositories.ts";
import type { Storage } from "../storage.ts";
import { appendChunk, cancelUpload, finishUpload, showUpload, startUpload } from "./upload-handlers.ts";
import { openPages } from "./ui/routes.ts";
import { openUploads } from "./uploads.ts";
import { openReadiness } from "./readiness.ts";

export interface RegistryOptions {
  readonly storage: Storage;
  readonly access: Access;
  /** Refuses what would change anything, and says this of the registry. */
  readonly readOnly?: string;
  /** Another registry whose content is fetched when it is asked for. */
  readonly upstream?: Pick<MirrorOptions, "connect" | "freshMs" | "tell">;
  /** Routes beside `/v2/` (tokens, metrics), tried first. */
  readonly extraRoutes?: readonly Route[];
  /** @default as much as there is room for */
  readonly quotaOf?: QuotaOf;
  /** False: nothing is deleted; sessions can still be cancelled. @default true */
  readonly deletes?: boolean;
  /** Asked before everything else; throws for who asks too often. */
  readonly throttle?: Throttle;
  /** Throws for who asks under a name that is not this registry's. @default any will do */
  readonly checkHost?: HostCheck;
  /** @default no limit */
  readonly maxBlobBytes?: number;
  /** Milliseconds after which an upload that nobody goes on with is gone. @default the store's own, a week */
  readonly uploadTimeoutMs?: number;
  /** Who asks, where proxies stand between. @default whoever connects */
  readonly peers?: Peers;
  /** Told of every pull, push, mount and delete. */
  readonly onEvent?: EventSink;
  /** Hears of bugs: the client learns only that there was one. */
  readonly report: (bug: unknown) => void;
}

/** Dispose lets go of the other registry and of timers; the storage is its opener's. */
export type Registry = Handler & AsyncDisposable;

export async function createRegistry(options: RegistryOptions): Promise<Registry> {
  const { storage, access } = options;
  const identity = await openIdentity(storage);
  const repositories = openRepositories(storage);
  const manifests = openManifestCache(storage.blobs);
  const { quotaOf } = options;
  const room = quotaOf && openRoom({ repositories, quotaOf, manifests });
  const claimRoom: Parts["claimRoom"] = (name) => room?.open(name) ?? FREE;
  const uploads = openUploads(storage.ingests, identity, room);
  const leases = storage.isTransactional === true ? storage.table<Lease>("registry.leases") : undefined;
  const { linkBlob, linkManifest } = room === undefined ? repositories : linkWithin({ repositories, room, leases });
  const atWork = openAtWork(storage);
  const mirror = options.upstream && openMirror({ ...options.upstream, blobs: storage.blobs, repositories, atWork, now: () => performance.now() });
  const { maxBlobBytes = Number.POSITIVE_INFINITY, uploadTimeoutMs } = options;
  const parts: Parts = { blobs: storage.blobs, repositories, linkBlob, linkManifest, claimRoom, uploads, maxBlobBytes, identity, manifests, mirror };
  const expiring = uploadTimeoutMs === undefined ? undefined : expireUploads(uploads, uploadTimeoutMs, options.report);
  const pages = openPages(parts, access, options.report);
  const admission = openAdmission(access);
  const route = router([...(options.extraRoutes ?? []), ...routes(parts, atWork, options, admission), ...pages.routes]);
  const handler: Handler = async (request) => {
    try {
      options.throttle?.(request);
      options.checkHost?.(request);
      refuseCrossSite(request);
      const reply = await route(request);
      return { ...reply, headers: { ...COMMON_HEADERS, ...reply.headers } };
    } catch (error) {
      return refuse(error, options.report, { ...COMMON_HEADERS, ...admission.challengeFor(error, request) });
    }
  };
  const dispose = async (): Promise<void> => {
    expiring?.[Symbol.dispose]();
    atWork[Symbol.dispose]();
    await pages[Symbol.asyncDispose]();
    await mirror?.[Symbol.asyncDispose]();
  };
  return Object.assign(handler, { [Symbol.asyncDispose]: dispose });
}

/** A manifest is sent as the type that it was pushed as, which may be a web page: to a browser it is one without scripts and without an origin. */
const COMMON_HEADERS = {
  "docker-distribution-api-version": "registry/2.0",
  "x-content-type-options": "nosniff",
  "content-security-policy": "default-src 'none'; sandbox",
};

type RepositoryHandler = (parts: Parts, call: Call) => Promise<Reply> | Reply;

const REPOSITORY_ROUTES: readonly (readonly [method: string, path: string, action: Action, handler: RepositoryHandler])[] = [
  ["GET", "manifests/:reference", "pull", getManifest],
  ["PUT", "manifests/:reference", "push", putManifest],
  ["DELETE", "manifests/:reference", "delete", deleteManifest],
  ["POST", "blobs/uploads/", "push", startUpload],
  ["POST", "blobs/uploads", "push", startUpload],
  ["GET", "blobs/uploads/:session", "push", showUpload],
  ["PATCH", "blobs/uploads/:session", "push", appendChunk],
  ["PUT", "blobs/uploads/:session", "push", finishUpload],
  ["DELETE", "blobs/uploads/:session", "push", cancelUpload],
  ["GET", "blobs/:digest", "pull", getBlob],
  ["DELETE", "blobs/:digest", "delete", deleteBlob],
  ["GET", "tags/list", "pull", listTags],
  ["GET", "referrers/:digest", "pull", listReferrers],
];

function routes(
  parts: Parts,
  atWork: AtWork,
  { storage, access, readOnly, deletes = true, peers = direct, onEvent, report }: RegistryOptions,
  { admit }: Admission,
): readonly Route[] {
  const base = async (request: Request): Promise<Reply> => {
    await admit(request, { kind: "registry" });
    return json(200, {}, { [STORE_HEADER]: parts.identity.id });
  };
  const catalog = async (request: Request): Promise<Reply> => await listCatalog(parts, { request, grant: await admit(request, { kind: "catalog" }) });
  return [
    { method: "GET", pattern: "/v2/", handler: base },
    { method: "GET", pattern: "/v2", handler: base },
    { method: "GET", pattern: "/v2/_catalog", handler: catalog },
    ...REPOSITORY_ROUTES.map(([method, path, action, handler]): Route => {
      const isWriting = action !== "pull" || parts.mirror !== undefined;
      const run = async (request: Request): Promise<Reply> => {
        const name = request.params["name"] ?? "";
        if (!isRepositoryName(name, request.headers.host))
          throw new RegistryError("NAME_INVALID", `Cannot read ${JSON.stringify(name)} as the name of a repository`, { detail: { name } });
        const grant = await admit(request, { kind: "repository", name, action });
        if (readOnly !== undefined && action !== "pull") throw new RegistryError("UNSUPPORTED", `Cannot ${action} ${name}: this registry ${readOnly}`);
        if (!deletes && action === "delete") throw new RegistryError("UNSUPPORTED", `Cannot delete from ${name}: this registry keeps what it has`);
        const call = { request, grant, name };
        const reply = await (isWriting ? working(atWork, async () => await handler(parts, call)) : handler(parts, call));
        const event = onEvent === undefined ? undefined : eventOf(path, call, reply, { now: new Date(), peers });
        if (event !== undefined) onEvent?.(event);
        return reply;
      };
      return { method, pattern: `/v2/:name+/${path}`, handler: run };
    }),
    { method: "GET", pattern: "/healthz", handler: () => empty(200) },
    { method: "GET", pattern: "/readyz", handler: openReadiness({ repositories: parts.repositories, storage, access, report }) },
  ];
}

async function working(atWork: AtWork, act: () => Promise<Reply>): Promise<Reply> {
  using _ = atWork.begin();
  return await act();
}
