/** Before long work whose result goes into a file. */
import { accessSync, constants, statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { EXIT, ExitError } from "./errors.ts";

/** Whether a file can be written there afterwards. @throws {ExitError} */
export function checkWritable(path: string): void {
  const refuse = (state: string): never => {
    throw new ExitError(EXIT.refused, `Cannot write ${path}: ${state}`);
  };
  const folder = dirname(resolve(path));
  if (statSync(folder, { throwIfNoEntry: false })?.isDirectory() !== true) refuse(`there is no folder ${folder}`);
  const found = statSync(path, { throwIfNoEntry: false });
  if (found?.isDirectory() === true) refuse("it is a folder");
  try {
    accessSync(found === undefined ? folder : path, constants.W_OK);
  } catch (error) {
    refuse((error as Error).message);
  }
}
