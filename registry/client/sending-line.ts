/** A connection that a file is sent over: what it answers may come at any time, and ends the sending. */
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { descriptorOf, sendPart, type Transfer } from "../../http/transfer.ts";
import { RegistryError } from "../errors.ts";
import { dialNear } from "./near.ts";
import { isTooLong, parseAnswer, type SentAnswer } from "./sent-answer.ts";

export interface LineOptions {
  /** http: only. */
  readonly url: string;
  readonly signal?: AbortSignal | undefined;
  readonly connectMs: number;
  /** Milliseconds in which neither a byte goes nor one comes, while one is waited for. */
  readonly idleMs: number;
}

const LOOK_MS = 100;
/** How sending ends when the connection does: why is said by what is read from it. */
const OF_CONNECTION: ReadonlySet<string> = new Set(["ECANCELED", "EPIPE", "ECONNRESET", "ENOTCONN", "ETIMEDOUT", "EHOSTUNREACH", "ENETUNREACH", "ENETDOWN"]);

export class SendingLine implements Disposable {
  readonly #options: LineOptions;
  readonly #onBytes: ((count: number) => void) | undefined;
  readonly #socket: Socket;
  /** The receiver is in this machine. */
  readonly #isNear: boolean;
  readonly #answer: Promise<SentAnswer>;
  #settle!: { readonly resolve: (answer: SentAnswer) => void; readonly reject: (error: unknown) => void };
  #isOver = false;
  #came = Buffer.alloc(0);
  #transfer: Transfer | undefined;
  #told = 0;
  #moved = performance.now();
  #timer: NodeJS.Timeout | undefined;
  /** Nothing is expected of the server while the file has nothing to send. */
  #isWaiting = true;

  private constructor(socket: Socket, isNear: boolean, options: LineOptions, onBytes: ((count: number) => void) | undefined) {
    this.#options = options;
    this.#onBytes = onBytes;
    this.#answer = new Promise((resolve, reject) => (this.#settle = { resolve, reject }));
    this.#answer.then(this.#end, this.#end);
    this.#socket = socket;
    this.#isNear = isNear;
    socket.on("data", (bytes) => this.#read(bytes, false));
    socket.on("end", () => this.#read(Buffer.alloc(0), true));
    socket.on("error", (error) => this.#settle.reject(error));
    socket.on("close", () => this.#settle.reject(new Error("the connection was closed")));
    options.signal?.addEventListener("abort", this.#abort, { once: true });
  }

  static async open(options: LineOptions, onBytes?: (count: number) => void): Promise<SendingLine> {
    const { hostname, port } = new URL(options.url);
    const to = { host: hostname.replace(/^\[|\]$/g, ""), port: port === "" ? 80 : Number(port) };
    const near = await dialNear(to.host, to.port);
    const line = new SendingLine(near ?? connect({ ...to, noDelay: true }), near !== undefined, options, onBytes);
    try {
      options.signal?.throwIfAborted();
      await line.#connected();
      return line;
    } catch (error) {
      line[Symbol.dispose]();
      throw error;
    }
  }

  async #connected(): Promise<void> {
    const late = setTimeout(() => this.#settle.reject(new Error("no connection came about in time")), this.#options.connectMs);
    try {
      if (this.#socket.connecting) await Promise.race([once(this.#socket, "connect"), this.#answer]);
    } finally {
      clearTimeout(late);
    }
    this.#timer = setInterval(() => this.#look(), LOOK_MS);
  }

  /** The answer is there, or none comes: nothing more need be sent. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** Resolves when nothing of it waits in Node. */
  async write(text: string): Promise<void> {
    this.#begin();
    await new Promise<void>((resolve) => this.#socket.write(text, "latin1", () => resolve()));
    this.#isWaiting = false;
  }

  /** What the connection says is said by the answer. @throws {RegistryError} `SIZE_INVALID` @throws what the file says */
  async send(file: number, start: number, end: number): Promise<void> {
    const fd = descriptorOf(this.#socket);
    if (this.#isOver || fd === undefined) return;
    this.#begin();
    this.#told = 0;
    this.#transfer = sendPart(fd, file, { start, end, copies: this.#isNear });
    const { code } = await this.#transfer.ended;
    this.#tell();
    this.#transfer = undefined;
    this.#isWaiting = false;
    if (code === undefined || OF_CONNECTION.has(code)) return;
    const why = code === "ENODATA" ? "the file is shorter than was said" : `its file cannot be read: ${code}`;
    throw new RegistryError("SIZE_INVALID", `Cannot send to ${new URL(this.#options.url).host}: ${why}`);
  }

  /** When the server answers before all is sent, the rest is left. @throws what the connection says, or `sending` */
  async answerTo(sending: Promise<void>): Promise<SentAnswer> {
    const sent = sending.then(async () => {
      this.#begin();
      return await this.#answer;
    });
    return await Promise.race([this.#answer, sent]);
  }

  [Symbol.dispose](): void {
    this.#settle.reject(new Error("the connection was left"));
    this.#options.signal?.removeEventListener("abort", this.#abort);
    clearInterval(this.#timer);
    this.#socket.destroy();
  }

  /** Its own thread may still be at it. */
  readonly #end = (): void => {
    this.#isOver = true;
    this.#transfer?.cut();
  };

  readonly #abort = (): void => this.#settle.reject(this.#options.signal?.reason);

  #begin(): void {
    this.#isWaiting = true;
    this.#moved = performance.now();
  }

  #read(bytes: Buffer, isEnded: boolean): void {
    this.#moved = performance.now();
    this.#came = Buffer.concat([this.#came, bytes]);
    try {
      const answer = parseAnswer(this.#came, isEnded);
      if (answer !== undefined) this.#settle.resolve(answer);
      else if (isTooLong(this.#came)) this.#settle.reject(new Error("its answer does not end"));
      else if (isEnded) this.#settle.reject(new Error("the connection was closed"));
    } catch (error) {
      this.#settle.reject(error);
    }
  }

  #look(): void {
    this.#tell();
    const { idleMs } = this.#options;
    if (this.#isWaiting && performance.now() - this.#moved > idleMs) this.#settle.reject(new Error(`no byte went or came in ${idleMs / 1000} seconds`));
  }

  #tell(): void {
    const moved = this.#transfer?.moved() ?? this.#told;
    if (moved === this.#told) return;
    this.#onBytes?.(moved - this.#told);
    this.#told = moved;
    this.#moved = performance.now();
  }
}
