/** A small Kubernetes client: JSON over HTTPS with the certificates of a kubeconfig. */
import { readFileSync } from "node:fs";
import { Agent, request, type RequestOptions } from "node:https";
import type { IncomingMessage } from "node:http";
import { createInterface } from "node:readline";
import { parse } from "yaml";
import type { KubeObject } from "../cluster.ts";
import { type ObjectList, readList, readObject } from "./answer.ts";
import { ClientError } from "./errors.ts";

export interface KubeRequest {
  readonly method?: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** With its query. */
  readonly path: string;
  readonly body?: unknown;
  /** @default application/json */
  readonly contentType?: string;
  readonly accept?: string;
  readonly signal?: AbortSignal;
}

export interface WatchEvent {
  readonly type: "ADDED" | "MODIFIED" | "DELETED" | "BOOKMARK";
  readonly object: unknown;
}

type Read = Pick<KubeRequest, "path" | "signal">;

export interface KubeClient extends Disposable {
  /** @throws {ClientError} `CLUSTER_DOWN`, `NOT_FOUND`, `REFUSED` with the server's own words */
  send(request: KubeRequest): Promise<unknown>;
  /** @throws {ClientError} as `send`, and `ANSWER_INVALID` */
  get(request: Read): Promise<KubeObject>;
  /** @throws {ClientError} as `get` */
  list(request: Read): Promise<ObjectList>;
  /** What a watch tells, until the server ends it or `signal` does. @throws {ClientError} as `send`, also for an ERROR that is told */
  watch(request: KubeRequest): AsyncIterable<WatchEvent>;
  /** The object, or undefined when it is not there. */
  find(path: string): Promise<KubeObject | undefined>;
}

/** @throws {ClientError} `CLUSTER_DOWN` when there is no kubeconfig */
export function openKubeClient(kubeconfig: string): KubeClient {
  const { server, ...tls } = readKubeconfig(kubeconfig);
  const agent = new Agent({ keepAlive: true, ...tls });
  const send = async (asked: KubeRequest): Promise<unknown> => await exchange(new URL(asked.path, server), agent, asked);
  const get = async (asked: Read): Promise<KubeObject> => readObject(await send(asked));
  return {
    send,
    get,
    list: async (asked) => readList(await send(asked)),
    watch: (asked) => watchLines(new URL(asked.path, server), agent, asked),
    async find(path) {
      try {
        return await get({ path });
      } catch (error) {
        if (error instanceof ClientError && error.code === "NOT_FOUND") return undefined;
        throw error;
      }
    },
    [Symbol.dispose]: () => agent.destroy(),
  };
}

/** What is read of one; the first cluster and user count. */
interface Kubeconfig {
  readonly clusters?: readonly { readonly cluster?: { readonly server: string; readonly "certificate-authority-data": string } }[];
  readonly users?: readonly { readonly user?: { readonly "client-certificate-data": string; readonly "client-key-data": string } }[];
}

function readKubeconfig(path: string): { readonly server: string; readonly ca: Buffer; readonly cert: Buffer; readonly key: Buffer } {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    throw new ClientError("CLUSTER_DOWN", `Cannot reach the cluster: there is no ${path}`, { cause: error, hint: "Start it with 'strata up'" });
  }
  const config = parse(text) as Kubeconfig | undefined;
  const cluster = config?.clusters?.[0]?.cluster;
  const user = config?.users?.[0]?.user;
  if (cluster === undefined || user === undefined) throw new ClientError("KUBECONFIG_INVALID", `Cannot read ${path}: it names no cluster and user`);
  const decode = (data: string): Buffer => Buffer.from(data, "base64");
  return {
    server: cluster.server,
    ca: decode(cluster["certificate-authority-data"]),
    cert: decode(user["client-certificate-data"]),
    key: decode(user["client-key-data"]),
  };
}

async function exchange(url: URL, agent: Agent, asked: KubeRequest): Promise<unknown> {
  const response = await respond(url, agent, asked);
  const text = await textOf(response);
  const status = response.statusCode ?? 0;
  if (status < 400) return response.headers["content-type"]?.includes("json") === true ? JSON.parse(text) : text;
  throw refusal(status, text);
}

async function* watchLines(url: URL, agent: Agent, asked: KubeRequest): AsyncGenerator<WatchEvent> {
  const response = await respond(url, agent, asked);
  const status = response.statusCode ?? 0;
  if (status >= 400) throw refusal(status, await textOf(response));
  for await (const line of createInterface({ input: response, crlfDelay: Infinity })) {
    if (line === "") continue;
    const event = JSON.parse(line) as WatchEvent | { readonly type: "ERROR"; readonly object: { readonly code?: number } };
    if (event.type === "ERROR") throw refusal(event.object.code ?? 500, JSON.stringify(event.object));
    yield event;
  }
}

async function textOf(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

async function respond(url: URL, agent: Agent, asked: KubeRequest): Promise<IncomingMessage> {
  const { method = "GET", body, contentType = "application/json", accept = "application/json", signal } = asked;
  const payload = body === undefined ? undefined : JSON.stringify(body);
  const options: RequestOptions = {
    method,
    agent,
    headers: {
      accept,
      "user-agent": "strata",
      ...(payload === undefined ? {} : { "content-type": contentType, "content-length": Buffer.byteLength(payload) }),
    },
    ...(signal === undefined ? {} : { signal }),
  };
  return await new Promise<IncomingMessage>((resolve, reject) => {
    const sent = request(url, options, resolve);
    sent.once("error", (error: NodeJS.ErrnoException) => {
      reject(
        error.code === "ECONNREFUSED"
          ? new ClientError("CLUSTER_DOWN", `Cannot reach the cluster at ${url.origin}: connection refused`, {
              cause: error,
              hint: "Start it with 'strata up'",
            })
          : error,
      );
    });
    sent.end(payload);
  });
}

/** In kubectl's form. */
function refusal(status: number, text: string): ClientError {
  let parsed: { readonly reason?: string; readonly message?: string } = {};
  try {
    parsed = JSON.parse(text);
  } catch {
    parsed = { message: text };
  }
  return new ClientError(status === 404 ? "NOT_FOUND" : "REFUSED", `Error from server (${parsed.reason ?? status}): ${parsed.message ?? "no message"}`);
}
