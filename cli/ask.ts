/** A question at the terminal. */
import type { Context } from "./context.ts";
import { ExitError } from "./errors.ts";

const INTERRUPTED = 130;

/** The line that is typed; undefined: ^D instead of one. @param isSecret what is typed is not shown @throws {ExitError} 130 for ^C */
export async function ask({ stdin, stderr, interrupt }: Context, question: string, isSecret = false): Promise<string | undefined> {
  const [{ createInterface }, { Writable }] = await Promise.all([import("node:readline"), import("node:stream")]);
  stderr.write(question);
  const output = isSecret ? new Writable({ write: (_chunk, _encoding, done) => done() }) : stderr;
  const lines = createInterface({ input: stdin, output, prompt: question.slice(question.lastIndexOf("\n") + 1), terminal: true });
  let isLineEnded = false;
  let leave = (): void => {};
  try {
    return await new Promise<string | undefined>((resolve, reject) => {
      lines.once("line", (line) => {
        isLineEnded = !isSecret;
        resolve(line);
      });
      lines.once("SIGINT", () => reject(new ExitError(INTERRUPTED)));
      lines.once("close", () => resolve(undefined));
      leave = interrupt.whenComes(reject);
    });
  } finally {
    leave();
    lines.close();
    if (!isLineEnded) stderr.write("\n");
  }
}

/** Whether the user says yes to what cannot be undone. */
export async function confirmed(context: Context, warning: string): Promise<boolean> {
  const answer = await ask(context, `WARNING! ${warning}\nAre you sure you want to continue? [y/N] `);
  return /^y(?:es)?$/i.test(answer?.trim() ?? "");
}
