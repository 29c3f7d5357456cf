/** Records core/v1 Events as `kubectl describe` shows them; the same happening again counts up. Never fails its caller. */
import type { Cluster, Draft, KubeObject } from "../cluster.ts";
import { formatTime, type Clock } from "./clock.ts";

/** What an event tells, before anybody records it. */
export interface Notice {
  readonly type: "Normal" | "Warning";
  readonly reason: string;
  readonly message: string;
}

export interface Recorder {
  /** `fieldPath` names a part of the object: `spec.containers{web}`. */
  record(object: KubeObject, type: "Normal" | "Warning", reason: string, message: string, fieldPath?: string): void;
}

export interface RecorderOptions {
  readonly cluster: Cluster;
  readonly clock: Clock;
  /** `deployment-controller`, `default-scheduler`, `kubelet`… */
  readonly component: string;
  readonly host?: string;
}

/** Aggregated events remembered; the oldest is forgotten first. */
const MAX_REMEMBERED = 4096;

export function createRecorder({ cluster, clock, component, host }: RecorderOptions): Recorder {
  const known = new Map<string, { readonly namespace: string; readonly name: Promise<string | undefined> }>();
  const source = host === undefined ? { component } : { component, host };

  return {
    record(object, type, reason, message, fieldPath) {
      const namespace = object.metadata.namespace ?? "default";
      const involved = involvedObject(object, fieldPath);
      const key = JSON.stringify([{ ...involved, resourceVersion: undefined }, type, reason, message]); // the object may have changed between
      const now = clock.now();
      const before = known.get(key);
      const name =
        before === undefined
          ? create(cluster, draftEvent(involved, namespace, now, { type, reason, message, source }))
          : repeat(cluster, namespace, before.name, now);
      known.delete(key);
      known.set(key, { namespace, name });
      if (known.size > MAX_REMEMBERED) known.delete(known.keys().next().value ?? "");
      void name.then((stored) => {
        if (stored === undefined && known.get(key)?.name === name) known.delete(key);
      });
    },
  };
}

function involvedObject(object: KubeObject, fieldPath: string | undefined): Readonly<Record<string, string>> {
  const { namespace, name, uid, resourceVersion } = object.metadata;
  return {
    kind: object.kind,
    ...(namespace === undefined ? {} : { namespace }),
    name,
    uid,
    apiVersion: object.apiVersion,
    ...(fieldPath === undefined ? { resourceVersion } : { fieldPath }),
  };
}

function draftEvent(
  involved: Readonly<Record<string, string>>,
  namespace: string,
  now: number,
  what: { readonly source: { readonly component: string } } & Record<string, unknown>,
): Draft {
  const time = formatTime(now);
  return {
    apiVersion: "v1",
    kind: "Event",
    metadata: { namespace, name: `${involved["name"]}.${(BigInt(now) * 1_000_000n + BigInt(Math.floor(Math.random() * 1_000_000))).toString(16)}` },
    involvedObject: involved,
    ...what,
    firstTimestamp: time,
    lastTimestamp: time,
    eventTime: null,
    count: 1,
    reportingComponent: what.source.component,
    reportingInstance: "",
  };
}

/** Undefined when it could not be stored: its namespace is going, most often. */
async function create(cluster: Cluster, draft: Draft): Promise<string | undefined> {
  try {
    return (await cluster.create("events", draft)).metadata.name;
  } catch {
    return undefined;
  }
}

async function repeat(cluster: Cluster, namespace: string, before: Promise<string | undefined>, now: number): Promise<string | undefined> {
  const name = await before;
  if (name === undefined) return undefined;
  try {
    const change = (event: KubeObject): KubeObject => ({ ...event, count: (event["count"] ?? 1) + 1, lastTimestamp: formatTime(now) });
    return (await cluster.modify("events", { namespace, name }, change))?.metadata.name;
  } catch {
    return undefined;
  }
}
