/** Runs one handler of a probe or a hook against a container: exec, httpGet, tcpSocket, grpc, sleep. */
import { request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import { connect } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import type { Engine } from "../../../runtime/engine.ts";
import { checkGrpcHealth } from "./grpc-health.ts";
import type { ContainerPort, Handler, HttpGet } from "../pod-spec.ts";
import type { Verdict } from "./verdict.ts";
import { messageOf } from "../../errors.ts";

export interface Target {
  readonly engine: Pick<Engine, "exec">;
  /** Of the engine. */
  readonly id: string;
  /** Of the pod; undefined has no network. */
  readonly address: string | undefined;
  readonly ports: readonly ContainerPort[];
}

const OK: Verdict = { ok: true };
const MAX_OUTPUT_BYTES = 10 * 1024;

/** Never throws; a handler that takes longer than `timeout` milliseconds has failed. */
export async function runHandler(handler: Handler, target: Target, timeout: number): Promise<Verdict> {
  const signal = AbortSignal.timeout(timeout);
  try {
    if (handler.exec !== undefined) return await runExec(handler.exec.command, target, timeout, signal);
    if (handler.httpGet !== undefined) return await runHttp(handler.httpGet, target, signal);
    if (handler.tcpSocket !== undefined)
      return await runTcp(resolvePort(handler.tcpSocket.port, target), handler.tcpSocket.host ?? target.address ?? "127.0.0.1", signal);
    if (handler.grpc !== undefined) return await checkGrpcHealth({ host: target.address ?? "127.0.0.1", ...handler.grpc }, timeout, signal);
    if (handler.sleep !== undefined) await delay(handler.sleep.seconds * 1000, undefined, { signal });
    return OK;
  } catch (error) {
    return { ok: false, message: messageOf(error) };
  }
}

async function runExec(command: readonly string[], { engine, id }: Target, timeout: number, signal: AbortSignal): Promise<Verdict> {
  const { attachment, exit } = await engine.exec(id, { command, bound: true });
  const output: Buffer[] = [];
  let bytes = 0;
  const drain = async (): Promise<void> => {
    for await (const { data } of attachment?.output ?? []) {
      if (bytes < MAX_OUTPUT_BYTES) output.push(Buffer.from(data));
      bytes += data.length;
    }
  };
  const done = Promise.all([exit, drain()]);
  done.catch(() => {}); // it may fail after the timeout has answered
  try {
    const [{ exitCode }] = await Promise.race([
      done,
      expiry(signal, `command timed out: ${JSON.stringify(command.join(" "))} timed out after ${timeout / 1000}s`),
    ]);
    return exitCode === 0 ? OK : { ok: false, message: Buffer.concat(output).toString().slice(0, MAX_OUTPUT_BYTES) };
  } finally {
    await attachment?.[Symbol.asyncDispose]();
  }
}

async function expiry(signal: AbortSignal, message: string): Promise<never> {
  return await new Promise((_, reject) => {
    signal.addEventListener("abort", () => reject(new Error(message)), { once: true });
  });
}

async function runHttp({ path = "/", port, host, scheme = "HTTP", httpHeaders = [] }: HttpGet, target: Target, signal: AbortSignal): Promise<Verdict> {
  const headers = Object.fromEntries(httpHeaders.map(({ name, value }) => [name, value]));
  const options = {
    host: host ?? target.address ?? "127.0.0.1",
    port: resolvePort(port, target),
    path,
    signal,
    agent: false,
    headers: { "user-agent": "kube-probe/1.33", accept: "*/*", ...headers },
  } as const;
  const url = `${scheme.toLowerCase()}://${options.host}:${options.port}${path}`;
  return await new Promise((resolve) => {
    const failed = (error: Error): void => {
      resolve({
        ok: false,
        message: `Get "${url}": ${signal.aborted ? "context deadline exceeded (Client.Timeout exceeded while awaiting headers)" : dialProblem(error, options)}`,
      });
    };
    const sent = scheme === "HTTPS" ? httpsRequest({ ...options, rejectUnauthorized: false }) : httpRequest(options);
    sent.once("error", failed);
    sent.once("response", (response) => {
      const status = response.statusCode ?? 0;
      response.resume();
      response.once("error", () => {});
      response.destroy();
      resolve(status >= 200 && status < 400 ? OK : { ok: false, message: `HTTP probe failed with statuscode: ${status}` });
    });
    sent.end();
  });
}

/** In the words that users know from upstream's events. */
function dialProblem(error: NodeJS.ErrnoException, { host, port }: { readonly host: string; readonly port: number }): string {
  const known: Readonly<Record<string, string>> = {
    ECONNREFUSED: `dial tcp ${host}:${port}: connect: connection refused`,
    EHOSTUNREACH: `dial tcp ${host}:${port}: connect: no route to host`,
    ECONNRESET: "read: connection reset by peer",
  };
  return known[error.code ?? ""] ?? error.message;
}

async function runTcp(port: number, host: string, signal: AbortSignal): Promise<Verdict> {
  return await new Promise((resolve) => {
    const socket = connect({ host, port, signal });
    socket.once("connect", () => {
      socket.destroy();
      resolve(OK);
    });
    socket.once("error", (error) => {
      resolve({ ok: false, message: signal.aborted ? `dial tcp ${host}:${port}: i/o timeout` : dialProblem(error, { host, port }) });
    });
  });
}

/** A named port is looked up among the container's. */
function resolvePort(port: number | string, { ports }: Target): number {
  const number = typeof port === "number" || /^\d+$/.test(port) ? Number(port) : ports.find(({ name }) => name === port)?.containerPort;
  if (number === undefined) throw new Error(`couldn't find port: ${JSON.stringify(port)}`);
  return number;
}
