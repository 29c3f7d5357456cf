/** Errors of system calls, as Node's own. */

/** As Linux has them in asm-generic/errno.h. */
export const EAGAIN = 11;
export const EADDRINUSE = 98;
export const ECONNREFUSED = 111;

function nameOf(errno: number): string {
  const { constants } = process.getBuiltinModule("node:os");
  return Object.entries(constants.errno).find(([, number]) => number === errno)?.[0] ?? `errno ${errno}`;
}

/** `result` is -errno. */
export function systemError(syscall: string, result: number, object?: string): NodeJS.ErrnoException {
  const code = nameOf(-result);
  const error: NodeJS.ErrnoException = new Error(`${syscall}${object === undefined ? "" : ` ${object}`} ${code}`);
  return Object.assign(error, { code, errno: result, syscall });
}
