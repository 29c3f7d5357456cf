/** A request on its way through the API, and what the API works with. */
import type { KubeObject, PodStreams, UsageSource } from "../cluster.ts";
import type { ObjectLog, Transaction } from "../log/object-log.ts";
import { timestamp } from "../objects/local-cluster.ts";
import type { ClusterSettings, WriteRequest } from "../objects/request.ts";
import type { Request } from "../../http/message.ts";
import { nameOf } from "../schema/resource.ts";
import { resourceNamed } from "../schema/resources.ts";
import type { Target } from "./target.ts";
import type { TokenCheck, User } from "./access/authenticate.ts";
import { refuseEscalation } from "./access/escalation.ts";
import type { WatchLines } from "./watch/watch-lines.ts";

export interface Api {
  readonly log: ObjectLog;
  readonly settings: ClusterSettings;
  readonly now: () => Date;
  /** The node agent's; undefined until it is up. */
  readonly streams: () => PodStreams | undefined;
  /** Undefined where nothing measures. */
  readonly usage: UsageSource | undefined;
  readonly checkToken: TokenCheck;
  readonly lines: WatchLines;
  /** Signs the tokens of service accounts. */
  readonly secret: Buffer;
}

export interface Call {
  readonly api: Api;
  readonly request: Request;
  readonly target: Target;
  readonly user: User;
}

/** Runs a write as the user of this call. */
export function write<T>({ api, request, target, user }: Call, body: (write: WriteRequest) => T): Promise<T> {
  const { query, headers } = request;
  const manager = query.get("fieldManager") ?? (headers["user-agent"] ?? user.name).split("/")[0]!;
  const checkGrant = ({ transaction, resource }: WriteRequest, object: KubeObject): void => refuseEscalation(transaction, user, resource, object);
  const writer = { manager, dryRun: query.getAll("dryRun").includes("All"), internal: false, checkGrant };
  const { namespace, name = "" } = target;
  const resource = resourceNamed(nameOf(target.resource));
  return api.log.transact((transaction: Transaction) =>
    body({ transaction, resource, namespace, name, writer, settings: api.settings, now: timestamp(api.now()) }),
  );
}
