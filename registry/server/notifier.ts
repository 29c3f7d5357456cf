/**
 * Tells a web hook what happened, in order, several events a message; what is not taken is sent again, ever later.
 * The queue is bounded: a hook that is away for long costs the oldest events, which the log says. Spec: distribution, "Notifications".
 */
import { setTimeout as wait } from "node:timers/promises";
import { request } from "undici";
import type { EventSink, RegistryEvent } from "./events.ts";

export interface NotifierOptions {
  readonly url: string;
  /** Said when events are dropped, and when a hook is back. */
  readonly log: (line: string) => void;
  /** @default 1000 */
  readonly firstRetryMs?: number;
}

export interface Notifier extends AsyncDisposable {
  readonly tell: EventSink;
}

export const EVENTS_TYPE = "application/vnd.docker.distribution.events.v1+json";
const MAX_QUEUED = 10_000;
const MAX_BATCH = 100;
const LAST_RETRY_MS = 60_000;
const ANSWER_MS = 10_000;
/** At the end the hook has this long to take what is left. */
const FAREWELL_MS = 5_000;

/** Dispose sends what is left, as long as the hook takes it at once. */
export function openNotifier({ url, log, firstRetryMs = 1000 }: NotifierOptions): Notifier {
  const queue: RegistryEvent[] = [];
  const ending = new AbortController();
  let dropped = 0;
  let sending: Promise<void> | undefined;
  const drain = async (): Promise<void> => {
    for (let retryMs = firstRetryMs; queue.length > 0;) {
      const batch = queue.slice(0, MAX_BATCH);
      const failure = await send(url, batch);
      if (failure === undefined) {
        queue.splice(0, batch.length);
        retryMs = firstRetryMs;
        continue;
      }
      log(`notify: ${url} ${failure}: ${queue.length} events wait\n`);
      if (ending.signal.aborted) return;
      await wait(retryMs, undefined, { signal: ending.signal, ref: false }).catch(() => undefined);
      retryMs = Math.min(retryMs * 2, LAST_RETRY_MS);
    }
  };
  const start = (): void => {
    sending ??= drain().finally(() => {
      sending = undefined;
      if (queue.length > 0 && !ending.signal.aborted) start();
    });
  };
  return {
    tell(event): void {
      if (queue.length >= MAX_QUEUED) {
        queue.splice(MAX_BATCH, 1); // not of the batch that is on its way
        if (dropped++ === 0) log(`notify: ${url} is away for too long: the oldest events are dropped\n`);
      }
      queue.push(event);
      start();
    },
    async [Symbol.asyncDispose](): Promise<void> {
      ending.abort();
      await Promise.race([sending, wait(FAREWELL_MS, undefined, { ref: false })]);
      if (queue.length > 0) log(`notify: ${url} is not told of ${queue.length} event${queue.length === 1 ? "" : "s"} that waited: the server ends\n`);
    },
  };
}

/** Why the hook did not take them; undefined when it did. */
async function send(url: string, events: readonly RegistryEvent[]): Promise<string | undefined> {
  try {
    const answer = await request(url, {
      method: "POST",
      headers: { "content-type": EVENTS_TYPE, "user-agent": "strata" },
      body: JSON.stringify({ events }),
      headersTimeout: ANSWER_MS,
      bodyTimeout: ANSWER_MS,
    });
    await answer.body.dump();
    return answer.statusCode >= 200 && answer.statusCode < 400 ? undefined : `answered ${answer.statusCode}`;
  } catch (error) {
    return `cannot be reached (${error instanceof Error ? error.message : String(error)})`;
  }
}
