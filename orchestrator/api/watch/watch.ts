/** Watches: changes of a selection as they happen, one JSON object a line. Spec: Kubernetes API concepts, "Efficient detection of changes". */
import type { KubeObject } from "../../cluster.ts";
import { badRequest } from "../../errors.ts";
import type { Change } from "../../log/object-log.ts";
import { eventOf } from "../../objects/local-cluster.ts";
import { apiVersionOf, nameOf } from "../../schema/resource.ts";
import type { Reply } from "../../../http/message.ts";
import type { Call } from "../call.ts";
import { LineQueue } from "./line-queue.ts";
import { negotiate } from "../negotiate.ts";
import { represent } from "../represent.ts";
import { selectionOf, type Selection } from "../selection.ts";
import type { Line } from "./watch-lines.ts";

const BOOKMARK_MS = 60_000;
/** What a client may be behind before its watch ends. */
const MAX_BEHIND = { lines: 20_000, characters: 64 * 2 ** 20 } as const;
/** Longer timers end at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;

export function watch(call: Call): Reply {
  const { api, target, request } = call;
  const { query } = request;
  const selects = selectionOf(target, query);
  const tell = teller(call);
  const queue = new LineQueue(MAX_BEHIND);
  const begin = beginning(call);
  const subscription = api.log.subscribe((changes) => {
    for (const change of changes)
      queue.push(...transition(target.resource, target.namespace, change, selects).map(({ type, object }) => tell(type, object, change.object ?? change)));
  });
  queue.onEnd(() => subscription[Symbol.dispose]());
  if (begin.initial)
    for (const object of api.log.list(nameOf(target.resource), target.namespace || undefined).filter(selects)) queue.begin(tell("ADDED", object, object));
  else
    for (const change of begin.missed)
      for (const { type, object } of transition(target.resource, target.namespace, change, selects)) queue.begin(tell(type, object, change.object ?? change));
  if (begin.marksEnd) queue.push(bookmark(call, { "k8s.io/initial-events-end": "true" }));
  endWith(call, queue);
  return { status: 200, headers: { "content-type": "application/json", "cache-control": "no-cache, private" }, body: queue };
}

interface Beginning {
  /** Tell of everything that is there first. */
  readonly initial: boolean;
  readonly missed: readonly Change[];
  /** A bookmark says where the initial objects end. */
  readonly marksEnd: boolean;
}

/** @throws {ApiError} `Expired`, `BadRequest` */
function beginning({ api, request: { query } }: Call): Beginning {
  const version = query.get("resourceVersion") ?? "";
  if (query.get("sendInitialEvents") === "true") return { initial: true, missed: [], marksEnd: query.get("allowWatchBookmarks") === "true" };
  if (version === "" || version === "0") return { initial: query.get("sendInitialEvents") !== "false", missed: [], marksEnd: false };
  const revision = Number(version);
  if (!/^\d+$/.test(version)) throw badRequest(`Invalid value: "${version}": strconv.ParseUint: parsing "${version}": invalid syntax`);
  return { initial: false, missed: api.log.changesSince(revision), marksEnd: false };
}

type EventType = "ADDED" | "MODIFIED" | "DELETED";

/** What a change means to someone who sees only a selection: objects that leave it are deleted to them. */
function transition(
  resource: Call["target"]["resource"],
  namespace: string,
  change: Change,
  selects: Selection,
): readonly { readonly type: EventType; readonly object: KubeObject }[] {
  if (change.key.resource !== nameOf(resource) || (namespace !== "" && change.key.namespace !== namespace)) return [];
  const { type, object, previous } = eventOf(change);
  const was = type === "DELETED" ? selects(object) : previous !== undefined && selects(previous);
  const is = type !== "DELETED" && selects(object);
  if (!was && !is) return [];
  return [{ type: is ? (was ? "MODIFIED" : "ADDED") : "DELETED", object }];
}

/** `of`: what a line is known by, one for all who watch. */
function teller({ target, request, api }: Call): (type: EventType, object: KubeObject, of: object) => Line {
  const representation = negotiate(request.headers.accept, request.query);
  const { as, include } = representation;
  return (type, object, of) => {
    const now = api.now();
    const moment = as === "Table" ? Math.floor(now.getTime() / 1000) : ""; /* tables tell ages */
    const form = [type, apiVersionOf(target.resource), as, include, moment].join(" ");
    return api.lines.line(of, form, () => `${JSON.stringify({ type, object: represent(target.resource, object, representation, now) })}\n`);
  };
}

function bookmark({ api, target }: Call, annotations?: Readonly<Record<string, string>>): Line {
  const metadata = { resourceVersion: String(api.log.revision), creationTimestamp: null, ...(annotations && { annotations }) };
  const object = { kind: target.resource.kind, apiVersion: apiVersionOf(target.resource), metadata };
  return { text: `${JSON.stringify({ type: "BOOKMARK", object })}\n` };
}

function endWith(call: Call, queue: LineQueue): void {
  const { query, signal, closing } = call.request;
  const end = (): void => queue.end();
  const seconds = Number(query.get("timeoutSeconds") ?? 0);
  const timers = [
    ...(seconds > 0 ? [setTimeout(end, Math.min(seconds * 1000, MAX_TIMER_MS))] : []),
    ...(query.get("allowWatchBookmarks") === "true" ? [setInterval(() => queue.push(bookmark(call)), BOOKMARK_MS)] : []),
  ];
  for (const abort of [signal, closing]) abort.addEventListener("abort", end);
  queue.onEnd(() => {
    for (const timer of timers) clearTimeout(timer);
    for (const abort of [signal, closing]) abort.removeEventListener("abort", end);
  });
}
