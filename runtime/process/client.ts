/** A client of a monitor: frames in, frames out, over its control socket or attach.sock. */
import { openSocket, type LocalSocket } from "../../system/local-socket.ts";
import { RuntimeError } from "../errors.ts";
import type { Attachment, ExitRecord } from "../process.ts";
import { failureOf } from "./failure.ts";
import { encodeFrame, encodeResize, FRAME, FrameReader, type Frame } from "./frames.ts";

export interface Output {
  readonly stream: "stdout" | "stderr";
  readonly data: Uint8Array;
}

export interface MonitorPids {
  readonly pid: number;
  readonly startTime: number;
  readonly monitor: number;
  readonly monitorStartTime: number;
  /** The monitor's parent and heir; an exec's monitor has none. */
  readonly keeper?: number;
  readonly keeperStartTime?: number;
}

/** Resolved as frames come; what never comes rejects when the socket closes. */
export class MonitorClient {
  readonly ready: Promise<MonitorPids>;
  readonly started: Promise<string>;
  readonly exit: Promise<ExitRecord>;
  readonly #socket: LocalSocket;
  readonly #settle: Record<"ready" | "started" | "exit", { resolve(value: never): void; reject(error: Error): void }>;
  readonly #chunks: Output[] = [];
  #wake: (() => void) | undefined;
  #ended = false;
  #sink: ((output: Output) => void) | undefined;
  #hooks: (pid: number) => Promise<void> = () => Promise.resolve();

  /** Takes the descriptor of a socket that does not wait. */
  constructor(fd: number) {
    const [ready, started, exit] = [defer<MonitorPids>(), defer<string>(), defer<ExitRecord>()];
    this.ready = ready.promise;
    this.started = started.promise;
    this.exit = exit.promise;
    this.#settle = { ready, started, exit };
    const reader = new FrameReader();
    this.#socket = openSocket(fd, {
      data: (bytes) => {
        for (const frame of reader.feed(bytes)) this.#receive(frame);
      },
      close: (cause) => {
        this.#end(cause instanceof RuntimeError ? cause : new RuntimeError("LAUNCH_FAILED", "Cannot follow the container: its monitor went away", { cause }));
      },
    });
  }

  /** Output goes there instead of to an attachment. */
  onOutput(sink: (output: Output) => void): void {
    this.#sink = sink;
  }

  /** What runs outside of the container before its root changes; a failure ends the launch. */
  onHooks(run: (pid: number) => Promise<void>): void {
    this.#hooks = run;
  }

  send(frame: Buffer): void {
    this.#socket.write(frame);
  }

  close(): void {
    this.#socket.destroy();
  }

  /** Lets this process end although the socket is open. */
  unref(): void {
    this.#socket.unref();
  }

  attachment(): Attachment {
    const socket = this.#socket;
    return {
      output: this.#outputs(),
      exit: this.exit,
      write: async (data) => {
        if (!socket.write(encodeFrame(FRAME.input, data))) await socket.drained();
      },
      closeStdin: () => {
        socket.write(encodeFrame(FRAME.close));
      },
      resize: (size) => {
        socket.write(encodeResize(size));
      },
      [Symbol.asyncDispose]: async () => {
        await Promise.resolve(this.close());
      },
    };
  }

  async *#outputs(): AsyncGenerator<Output> {
    for (;;) {
      const chunk = this.#chunks.shift();
      if (chunk !== undefined) yield chunk;
      else if (this.#ended) return;
      else {
        this.#socket.resume();
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    }
  }

  #receive({ type, payload }: Frame): void {
    switch (type) {
      case FRAME.output:
      case FRAME.error:
        this.#deliver({ stream: type === FRAME.output ? "stdout" : "stderr", data: payload });
        break;
      case FRAME.ready:
        this.#settle.ready.resolve(JSON.parse(payload.toString()) as never);
        break;
      case FRAME.started:
        this.#settle.started.resolve(payload.toString() as never);
        break;
      case FRAME.failed:
        this.#fail(failureOf(payload));
        break;
      case FRAME.exit:
        this.#settle.exit.resolve(JSON.parse(payload.toString()) as never);
        this.#end(undefined);
        this.close(); // nothing follows; while it is paused it would never come to its end
        break;
      case FRAME.hooks:
        this.#hooks(Number(payload)).then(
          () => this.send(encodeFrame(FRAME.hooked)),
          (error: unknown) => this.#socket.destroy(error instanceof Error ? error : new Error(String(error))),
        );
        break;
      default:
        break;
    }
  }

  /** Nobody takes output: the socket waits, and with it the monitor. */
  #deliver(output: Output): void {
    if (this.#sink !== undefined) {
      this.#sink(output);
      return;
    }
    this.#chunks.push(output);
    this.#socket.pause();
    this.#wake?.();
  }

  #fail(error: Error): void {
    this.#settle.ready.reject(error);
    this.#settle.started.reject(error);
  }

  #end(error: RuntimeError | undefined): void {
    this.#ended = true;
    this.#wake?.();
    if (error !== undefined) {
      this.#fail(error);
      this.#settle.exit.reject(error);
    }
  }
}

interface Deferred<Value> {
  readonly promise: Promise<Value>;
  resolve(value: Value): void;
  reject(error: Error): void;
}

/** A rejection that nobody waits for is no crash. */
function defer<Value>(): Deferred<Value> {
  let settle: Omit<Deferred<Value>, "promise"> | undefined;
  const promise = new Promise<Value>((resolve, reject) => {
    settle = { resolve, reject };
  });
  promise.catch(() => undefined);
  return { promise, resolve: (value) => settle?.resolve(value), reject: (error) => settle?.reject(error) };
}
