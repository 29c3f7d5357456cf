/** Who takes a container's terminal when this command does not stay: whoever listens on the console socket. */
import { RuntimeError } from "../../runtime/errors.ts";

/** In the words by which callers know it. @throws {RuntimeError} `SPEC_INVALID` */
export function needConsole(isTerminal: boolean, isDetached: boolean, socket: string | undefined): void {
  const refuse = (why: string, hint: string): never => {
    throw new RuntimeError("SPEC_INVALID", `Cannot make the container's terminal: ${why}`, { hint });
  };
  if (isTerminal && isDetached && socket === undefined)
    refuse("cannot allocate tty if runc will detach without setting console socket", "Give --console-socket, or set process.terminal to false");
  if (socket !== undefined && !(isTerminal && isDetached))
    refuse("cannot use console socket if runc will not detach or allocate tty", "Leave --console-socket out");
}
