/** A SPDY/3.1 server connection as Kubernetes uses it: the client opens streams, both sides write and half-close them. */
import type { Duplex } from "node:stream";
import { ByteQueue } from "./byte-queue.ts";
import { CONTROL, controlFrame, dataFrames, FrameReader, isFinal, numbers, type Frame } from "./spdy-frame.ts";
import { EmptyHeaderWriter, HeaderReader, type SpdyHeaders } from "./spdy-headers.ts";

export interface SpdyStream {
  readonly id: number;
  readonly headers: SpdyHeaders;
  /** What the client writes; ends when it half-closes or resets. */
  readonly input: ByteQueue;
  /** Resolves when the socket can take more. */
  write(data: Uint8Array): Promise<void>;
  /** Half-closes our side. Idempotent. */
  end(): Promise<void>;
}

const RESET_CANCEL = 5;

export class SpdyConnection {
  readonly #socket: Duplex;
  readonly #streams = new Map<number, SpdyStream>();
  readonly #reader = new FrameReader();
  readonly #headers = new HeaderReader();
  readonly #replies = new EmptyHeaderWriter();
  /** Shared by all streams that wait for the socket. */
  #draining: Promise<void> | undefined;
  readonly #onStream: (stream: SpdyStream) => void;

  constructor(socket: Duplex, onStream: (stream: SpdyStream) => void) {
    this.#socket = socket;
    this.#onStream = onStream;
  }

  /** Serves until the client leaves or the connection is closed. `head` is what was read past the upgrade. */
  async run(head: Buffer): Promise<void> {
    try {
      if (head.length > 0) await this.#take(head);
      for await (const piece of this.#socket) await this.#take(piece as Buffer);
    } catch {
      this.#socket.destroy(); // the client left in the middle, or speaks no SPDY
    } finally {
      for (const { input } of this.#streams.values()) input.end();
      this.#headers[Symbol.dispose]();
      this.#socket.destroy();
    }
  }

  /** Says goodbye and lets the socket drain. Idempotent. */
  close(): void {
    if (!this.#socket.writable) return;
    this.#socket.write(controlFrame(CONTROL.goAway, numbers(0, 0)));
    this.#socket.end();
  }

  async #take(piece: Buffer): Promise<void> {
    for (const frame of this.#reader.push(piece)) await this.#handle(frame);
  }

  async #handle(frame: Frame): Promise<void> {
    if (frame.kind === "data") {
      const input = this.#streams.get(frame.stream)?.input;
      await input?.push(frame.data);
      if (frame.fin) input?.end();
    } else if (frame.type === CONTROL.synStream) await this.#open(frame.payload, isFinal(frame.flags));
    else if (frame.type === CONTROL.ping) await this.#send([controlFrame(CONTROL.ping, frame.payload)]);
    else if (frame.type === CONTROL.reset) this.#forget(frame.payload.readUInt32BE(0));
    else if (frame.type === CONTROL.goAway) this.close();
  }

  async #open(payload: Buffer, fin: boolean): Promise<void> {
    const id = payload.readUInt32BE(0) & 0x7fffffff;
    const headers = await this.#headers.read(payload.subarray(10));
    await this.#send([controlFrame(CONTROL.synReply, Buffer.concat([numbers(id), this.#replies.block()]))]);
    const input = new ByteQueue();
    if (fin) input.end();
    let ended = false;
    const stream: SpdyStream = {
      id,
      headers,
      input,
      write: async (data) => {
        if (!ended && data.length > 0) await this.#send(dataFrames(id, data, false));
      },
      end: async () => {
        if (ended) return;
        ended = true;
        await this.#send(dataFrames(id, new Uint8Array(0), true));
      },
    };
    this.#streams.set(id, stream);
    this.#onStream(stream);
  }

  #forget(id: number): void {
    this.#streams.get(id)?.input.end();
    this.#streams.delete(id);
  }

  /** Refuses a stream that makes no sense here. */
  async reset(id: number): Promise<void> {
    this.#forget(id);
    await this.#send([controlFrame(CONTROL.reset, numbers(id, RESET_CANCEL))]);
  }

  async #send(frames: readonly Buffer[]): Promise<void> {
    const socket = this.#socket;
    if (!socket.writable) return;
    let roomy = true;
    for (const frame of frames) roomy = socket.write(frame);
    if (!roomy) await (this.#draining ??= drained(socket).finally(() => (this.#draining = undefined)));
  }
}

/** Resolves also when the socket closes instead. */
async function drained(socket: Duplex): Promise<void> {
  await new Promise<void>((resolve) => {
    const done = (): void => {
      socket.off("drain", done).off("close", done);
      resolve();
    };
    socket.on("drain", done).on("close", done);
  });
}
