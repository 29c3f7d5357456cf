/** The far end of an exec or attach, whatever the transport, and the pumping between it and a process. Spec: facts of kubectl's remotecommand v4, v5. */
import { setTimeout as delay } from "node:timers/promises";
import type { PodProcess } from "../cluster.ts";
import { ApiError, messageOf, statusOf, type Status } from "../errors.ts";

export interface TerminalSize {
  readonly width: number;
  readonly height: number;
}

export interface RemoteTerminal {
  /** Undefined when the client sends none. */
  readonly input: AsyncIterable<Uint8Array> | undefined;
  readonly sizes: AsyncIterable<TerminalSize> | undefined;
  /** Aborted when the client is gone. */
  readonly gone: AbortSignal;
  send(stream: "stdout" | "stderr", data: Uint8Array): Promise<void>;
  /** The last word: how it ended. Closes. */
  finish(status: Partial<Status>): Promise<void>;
}

/** Starts the process; with the size of the client's terminal, when the client has told it by then. */
export type Start = (size: TerminalSize | undefined) => Promise<PodProcess>;

/** A client with a terminal tells its size at once; one without never does. */
const FIRST_SIZE_MS = 200;

/** Runs until the process has ended or the client is gone. Never rejects: what goes wrong is told to the client. */
export async function connectTerminal(remote: RemoteTerminal, start: Start, closing: AbortSignal): Promise<void> {
  try {
    const sizes = remote.sizes?.[Symbol.asyncIterator]();
    const first = sizes?.next();
    first?.catch(() => {}); // the client left: `gone` tells
    await using process = await start(await firstSize(first));
    if (sizes !== undefined && first !== undefined) void resize(first, sizes, process);
    const outcome = await Promise.race([pump(remote, process), aborted(remote.gone, "gone"), aborted(closing, "closing")]);
    if (outcome === "closing") throw new ApiError("ServiceUnavailable", "the server is shutting down");
    if (typeof outcome === "number") await remote.finish(exitStatus(outcome));
  } catch (error) {
    const told = error instanceof ApiError ? error : new ApiError("InternalError", messageOf(error), undefined, error);
    await remote.finish(statusOf(told));
  }
}

async function aborted<Word extends string>(signal: AbortSignal, word: Word): Promise<Word> {
  return await new Promise((resolve) => signal.addEventListener("abort", () => resolve(word), { once: true }));
}

async function pump(remote: RemoteTerminal, process: PodProcess): Promise<number> {
  void feed(remote.input, process);
  for await (const { stream, data } of process.output) await remote.send(stream, data);
  return await process.exitCode;
}

/** Ends with the input, or with a process that takes no more. */
async function feed(input: AsyncIterable<Uint8Array> | undefined, process: PodProcess): Promise<void> {
  if (input === undefined) return;
  try {
    for await (const chunk of input) await process.write(chunk);
    process.closeStdin();
  } catch {
    // the process closed its input: `for await` has closed ours, so the client's writes are dropped
  }
}

async function firstSize(first: Promise<IteratorResult<TerminalSize>> | undefined): Promise<TerminalSize | undefined> {
  if (first === undefined) return undefined;
  const ending = new AbortController();
  try {
    const found = await Promise.race([first, delay(FIRST_SIZE_MS, undefined, { signal: ending.signal })]);
    return found === undefined || found.done === true ? undefined : found.value;
  } finally {
    ending.abort();
  }
}

async function resize(first: Promise<IteratorResult<TerminalSize>>, sizes: AsyncIterator<TerminalSize>, process: PodProcess): Promise<void> {
  try {
    for (let next = await first; next.done !== true; next = await sizes.next()) process.resize(next.value);
  } catch {
    // the client left: `gone` tells
  }
}

export function exitStatus(code: number): Partial<Status> {
  if (code === 0) return { metadata: {}, status: "Success" };
  return {
    metadata: {},
    status: "Failure",
    message: `command terminated with non-zero exit code: exit status ${code}`,
    reason: "NonZeroExitCode",
    details: { causes: [{ reason: "ExitCode", message: String(code) }] },
  };
}

/** `{"Width":80,"Height":24}`; undefined when it is none. */
export function parseSize(text: string): TerminalSize | undefined {
  try {
    const { Width: width, Height: height } = JSON.parse(text) as { readonly Width?: unknown; readonly Height?: unknown };
    return typeof width === "number" && typeof height === "number" && width > 0 && height > 0 ? { width, height } : undefined;
  } catch {
    return undefined;
  }
}

/** Sizes come as JSON values one after another, in pieces as the transport likes. */
export async function* parseSizes(input: AsyncIterable<Uint8Array>): AsyncGenerator<TerminalSize> {
  let rest = "";
  for await (const chunk of input) {
    rest += Buffer.from(chunk).toString();
    for (let end = rest.indexOf("}"); end >= 0; end = rest.indexOf("}")) {
      const size = parseSize(rest.slice(0, end + 1));
      rest = rest.slice(end + 1);
      if (size !== undefined) yield size;
    }
  }
}
