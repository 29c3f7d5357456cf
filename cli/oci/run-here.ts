/** A process of a container in the foreground of this terminal; signals go to it, its exit code is returned. */
import type { Attachment, ExitRecord } from "../../runtime/process.ts";
import { foreground } from "../containers/foreground.ts";
import { PROXIED_SIGNALS } from "../proxied-signals.ts";
import type { Context } from "../context.ts";

export interface Here {
  readonly attachment: Attachment | undefined;
  readonly tty: boolean;
  readonly exit: Promise<ExitRecord>;
  signal(number: number): Promise<void>;
}

export async function runHere(context: Context, here: Here): Promise<number> {
  const { parseSignal } = await import("./signal.ts");
  const onSignal = (name: string): void => {
    void here.signal(parseSignal(name)).catch(() => undefined); // it has just ended
  };
  if (here.attachment !== undefined) await foreground(context, here.attachment, { tty: here.tty, stdin: true, onSignal });
  else for (const name of PROXIED_SIGNALS) process.on(name, onSignal);
  return (await here.exit).exitCode;
}
