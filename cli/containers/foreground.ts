/** Joins this terminal (or these pipes) to a container's streams until the program ends or the user detaches. */
import type { Attachment } from "../../runtime/process.ts";
import type { Context } from "../context.ts";
import { EXIT, ExitError } from "../errors.ts";
import { PROXIED_SIGNALS } from "../proxied-signals.ts";
import { detachKeys } from "./detach-keys.ts";

export interface ForegroundOptions {
  readonly tty: boolean;
  readonly stdin: boolean;
  /** The program has a terminal and has drawn already: it is made to do so again, for the one who comes now. */
  readonly redraws?: boolean;
  /** Ends it for this client only. @default ctrl-p,ctrl-q */
  readonly detachKeys?: string | undefined;
  /** What is shown; all of it when absent. */
  readonly shown?: ReadonlySet<string>;
  /** Passes signals on to the program; without a terminal only. */
  readonly onSignal?: (signal: string) => void;
  /** Leaves the program to itself after so many SIGINT and SIGTERM, which process 1 ignores unless it handles them. */
  readonly patience?: number;
}

/**
 * Resolves with `detached` true when the user typed the detach keys, else when all output has been written.
 * @throws {ExitError} when patience ended
 */
export async function foreground(context: Context, attachment: Attachment, options: ForegroundOptions): Promise<{ readonly detached: boolean }> {
  const undo: (() => void)[] = [];
  let detached = false;
  let impatient = false;
  try {
    if (options.tty) undo.push(followSize(context, attachment, options.redraws ?? false));
    if (options.stdin) {
      undo.push(
        feed(context, attachment, options, () => {
          detached = true;
          void attachment[Symbol.asyncDispose]();
        }),
      );
    }
    const isProxy = !options.tty && options.onSignal !== undefined;
    if (isProxy) {
      const leave = (): void => {
        impatient = true;
        void attachment[Symbol.asyncDispose]();
      };
      undo.push(proxySignals(options.onSignal, options.patience ?? Infinity, leave));
    }
    if (!isProxy) undo.push(context.interrupt.whenComes(() => void attachment[Symbol.asyncDispose]())); // it is not for the program
    for await (const { stream, data } of attachment.output)
      if (options.shown?.has(stream) !== false) await write(stream === "stdout" ? context.stdout : context.stderr, data);
    if (!isProxy) context.interrupt.throwIfCame();
    if (impatient)
      throw new ExitError(EXIT.refused, `Got ${options.patience} signals that did not end the program: it is left to itself\nEnd it with 'strata rm -f'`);
    return { detached };
  } finally {
    for (const step of undo.reverse()) step();
  }
}

/** A program with a terminal that is to be typed into needs a real one on this side. @throws {ExitError} in docker's words */
export function needTerminal(context: Context, flags: { readonly tty?: boolean; readonly interactive?: boolean; readonly detach?: boolean }): void {
  if (flags.tty === true && flags.interactive === true && flags.detach !== true && !context.stdin.isTTY)
    throw new ExitError(EXIT.refused, "the input device is not a TTY");
}

function followSize(context: Context, attachment: Attachment, redraws: boolean): () => void {
  const tell = (more = 0): void => {
    const { columns, rows } = context.stdout;
    if (columns !== undefined && rows !== undefined) attachment.resize({ width: columns, height: rows + more });
  };
  if (redraws) tell(1); // the kernel tells the program only of a size that is another
  tell();
  const onResize = (): void => tell();
  context.stdout.on("resize", onResize);
  return () => context.stdout.off("resize", onResize);
}

function feed(context: Context, attachment: Attachment, { tty, detachKeys: sequence }: ForegroundOptions, detach: () => void): () => void {
  const { stdin } = context;
  const raw = tty && stdin.isTTY;
  const keys = tty ? detachKeys(sequence) : (data: Uint8Array) => ({ data, detach: false });
  const onData = (chunk: Buffer): void => {
    const typed = keys(chunk);
    if (typed.data.length > 0) {
      stdin.pause(); /* the program reads as fast as it likes */
      attachment.write(typed.data).then(
        () => stdin.resume(),
        () => {},
      );
    }
    if (typed.detach) detach();
  };
  const onEnd = (): void => attachment.closeStdin();
  if (raw) enterRaw(stdin);
  stdin.on("data", onData).on("end", onEnd);
  return () => {
    stdin.off("data", onData).off("end", onEnd);
    if (raw) stdin.setRawMode(false);
    stdin.pause();
    stdin.unref?.();
  };
}

/** Node's raw mode still turns every newline into a carriage return and newline; the program's own terminal has done that. */
function enterRaw(stdin: NodeJS.ReadStream): void {
  stdin.setRawMode(true);
  process.getBuiltinModule("node:child_process").spawnSync("stty", ["-opost"], { stdio: ["inherit", "ignore", "ignore"] });
}

function proxySignals(onSignal: (signal: string) => void, patience: number, leave: () => void): () => void {
  let left = patience;
  const handle = (name: string): void => {
    if (left <= 0) return;
    onSignal(name);
    if ((name === "SIGINT" || name === "SIGTERM") && --left === 0) leave();
  };
  const handlers = PROXIED_SIGNALS.map((name) => [name, (): void => handle(name)] as const);
  for (const [name, handler] of handlers) process.on(name, handler);
  return () => {
    if (left <= 0) return; // one more would end the client before it has said why it leaves
    for (const [name, handler] of handlers) process.off(name, handler);
  };
}

async function write(stream: NodeJS.WriteStream, data: Uint8Array): Promise<void> {
  if (stream.write(data)) return;
  await new Promise<void>((resolve) => {
    const done = (): void => {
      stream.off("drain", done).off("close", done);
      resolve();
    };
    stream.on("drain", done).on("close", done);
  });
}
