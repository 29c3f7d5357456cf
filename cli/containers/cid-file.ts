/** The file of --cidfile: made before the container, so that none is made whose id cannot be written; it goes again with what fails. */
import { closeSync, openSync, rmSync, writeSync } from "node:fs";
import { EXIT, ExitError } from "../errors.ts";

export class CidFileError extends ExitError {
  readonly code: string;

  constructor(code: string, message: string) {
    super(EXIT.refused, message);
    this.code = code;
  }
}

export interface CidFile extends Disposable {
  write(id: string): void;
}

/** Without a path nothing is written. @throws {CidFileError} */
export function openCidFile(path: string | undefined): CidFile {
  if (path === undefined) return { write: () => {}, [Symbol.dispose]: () => {} };
  const file = create(path);
  let isWritten = false;
  return {
    write: (id) => {
      writeSync(file, id);
      isWritten = true;
    },
    [Symbol.dispose]: () => {
      closeSync(file);
      if (!isWritten) rmSync(path, { force: true });
    },
  };
}

function create(path: string): number {
  try {
    return openSync(path, "wx");
  } catch (error) {
    const { code = "", message } = error as NodeJS.ErrnoException;
    if (code === "EEXIST") throw new CidFileError(code, `container ID file found, make sure the other container isn't running or delete ${path}`);
    throw new CidFileError(code, `failed to create the container ID file: open ${path}: ${message.replace(/^\w+: (.*?), .*$/, "$1")}`);
  }
}
