/** Requests that take the connection over: exec, attach, port-forward. Chooses the transport; refusals are ordinary replies on the raw socket. */
import { once, setMaxListeners } from "node:events";
import { STATUS_CODES, type IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { TLSSocket } from "node:tls";
import { authenticate } from "../api/access/authenticate.ts";
import { authorize } from "../api/access/authorize.ts";
import type { Api } from "../api/call.ts";
import { failureReply } from "../api/failure.ts";
import { parseTarget } from "../api/target.ts";
import type { KubeObject, PodStreams } from "../cluster.ts";
import { ApiError, badRequest, noSuchResource, notFound } from "../errors.ts";
import { chooseContainer } from "./container.ts";
import { forwardSpdy, spdyForwardProtocol } from "./forward-spdy.ts";
import { channelForwardProtocols, forwardChannels, forwardTunnel, tunnelProtocol } from "./forward-websocket.ts";
import { connectTerminal, type RemoteTerminal, type Start } from "./remote-terminal.ts";
import { openSpdyTerminal, spdyTerminalProtocols, type TerminalOptions } from "./spdy-terminal.ts";
import { acceptWebSocket, offeredProtocols } from "./websocket.ts";
import { openWebsocketTerminal, websocketTerminalProtocols } from "./websocket-terminal.ts";

export interface Upgrades extends AsyncDisposable {
  readonly take: (message: IncomingMessage, socket: Duplex, head: Buffer) => void;
}

/** Dispose tells those who are still connected, and cuts who does not leave then. */
export function createUpgrades(api: Api, onBug: (error: unknown) => void): Upgrades {
  const sockets = new Set<Duplex>();
  const closing = new AbortController();
  setMaxListeners(0, closing.signal);
  const take: Upgrades["take"] = (message, socket, head) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
    socket.on("error", () => socket.destroy()); // the client left
    upgrade(api, { message, socket, head, closing: closing.signal }).catch((error: unknown) => refuse(socket, error, onBug));
  };
  const dispose = async (): Promise<void> => {
    closing.abort();
    const gone = Promise.all([...sockets].map(async (socket) => await once(socket, "close")));
    const timer = setTimeout(() => sockets.forEach((socket) => socket.destroy()), GOODBYE_MS);
    await gone;
    clearTimeout(timer);
  };
  return { take, [Symbol.asyncDispose]: dispose };
}

/** For a last word to reach the client. */
const GOODBYE_MS = 300;

interface Upgraded {
  readonly message: IncomingMessage;
  readonly socket: Duplex;
  readonly head: Buffer;
  readonly closing: AbortSignal;
}

async function upgrade(api: Api, upgraded: Upgraded): Promise<void> {
  const { message, socket } = upgraded;
  const user = authenticate({ headers: message.headers, socket: socket as TLSSocket }, api.checkToken);
  const url = new URL(message.url ?? "/", "https://localhost");
  const target = parseTarget(url.pathname);
  if (target?.resource.kind !== "Pod" || target.name === undefined) throw noSuchResource();
  authorize({ api, user, target }, message.method === "GET" ? "get" : "create");
  const pod = api.log.get({ resource: "pods", namespace: target.namespace, name: target.name });
  if (pod === undefined) throw notFound(target.resource, target.name);
  if ((pod.spec.nodeName ?? "") === "") throw badRequest(`pod ${target.name} does not have a host assigned`);
  const streams = api.streams();
  if (streams === undefined) throw new ApiError("ServiceUnavailable", "the node agent is not up yet");
  if (target.subresource === "portforward") await portForward(upgraded, url.searchParams, (port) => streams.dial(pod, port));
  else if (target.subresource === "exec" || target.subresource === "attach") await terminal(upgraded, url.searchParams, target.subresource, pod, streams);
  else throw badRequest("Upgrade request required");
}

async function terminal(upgraded: Upgraded, query: URLSearchParams, action: "exec" | "attach", pod: KubeObject, streams: PodStreams): Promise<void> {
  const flag = (name: string): boolean => query.get(name) === "true" || query.get(name) === "1";
  const options = { stdin: flag("stdin"), stdout: flag("stdout"), stderr: flag("stderr"), tty: flag("tty") };
  const container = chooseContainer(pod, query.get("container") ?? undefined);
  const { tty, stdin } = options;
  const start: Start = async (size) =>
    action === "exec"
      ? await streams.exec(pod, { container, command: query.getAll("command"), tty, stdin, ...(size === undefined ? {} : { size }) })
      : await streams.attach(pod, { container, tty, stdin });
  const remote = await openTerminal(upgraded, options);
  if (remote !== undefined) await connectTerminal(remote, start, upgraded.closing);
}

async function openTerminal(upgraded: Upgraded, options: TerminalOptions): Promise<RemoteTerminal | undefined> {
  const { message, socket, head } = upgraded;
  if (isWebSocket(message)) {
    const protocol = choose(websocketTerminalProtocols, offeredProtocols(message));
    const websocket = await acceptWebSocket(message, socket, head, protocol);
    return websocket && openWebsocketTerminal(websocket, options);
  }
  switchToSpdy(upgraded, choose(spdyTerminalProtocols, spdyProtocols(message)));
  return await openSpdyTerminal(socket, head, options);
}

async function portForward(upgraded: Upgraded, query: URLSearchParams, dial: (port: number) => Promise<Socket>): Promise<void> {
  const { message, socket, head } = upgraded;
  if (!isWebSocket(message)) {
    switchToSpdy(upgraded, choose([spdyForwardProtocol], spdyProtocols(message)));
    return await forwardSpdy(socket, head, dial);
  }
  const protocol = choose([tunnelProtocol, ...channelForwardProtocols], offeredProtocols(message));
  const websocket = await acceptWebSocket(message, socket, head, protocol);
  if (websocket === undefined) return;
  if (protocol === tunnelProtocol) await forwardTunnel(websocket, dial);
  else
    await forwardChannels(
      websocket,
      query
        .getAll("ports")
        .flatMap((ports) => ports.split(","))
        .map(Number),
      dial,
    );
}

function isWebSocket(message: IncomingMessage): boolean {
  return message.headers.upgrade?.toLowerCase() === "websocket";
}

function spdyProtocols(message: IncomingMessage): string[] {
  return [message.headers["x-stream-protocol-version"] ?? []]
    .flat()
    .flatMap((names) => names.split(","))
    .map((name) => name.trim());
}

/** @throws {ApiError} `BadRequest` when there is none in common */
function choose(spoken: readonly string[], offered: readonly string[]): string {
  const chosen = spoken.find((name) => offered.includes(name));
  if (chosen === undefined) throw badRequest(`unable to upgrade: none of the protocols ${JSON.stringify(offered)} is spoken here: ${spoken.join(", ")}`);
  return chosen;
}

function switchToSpdy({ message, socket }: Upgraded, protocol: string): void {
  if (!/^spdy\/3\.1$/i.test(message.headers.upgrade ?? "")) throw badRequest(`unable to upgrade to ${message.headers.upgrade ?? "nothing"}`);
  socket.write(`HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\nX-Stream-Protocol-Version: ${protocol}\r\n\r\n`);
}

function refuse(socket: Duplex, error: unknown, onBug: (error: unknown) => void): void {
  const { status, headers = {}, body = "" } = failureReply(error, onBug);
  const lines = Object.entries({ ...headers, connection: "close" }).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ""}\r\n${lines.join("")}\r\n${Buffer.from(body as Uint8Array).toString()}`);
}
