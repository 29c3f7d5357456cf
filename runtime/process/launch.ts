/** Starts the helper with a list of operations; its control socket speaks frames from then on. */
import { closeSync } from "node:fs";
import { socketPair, startProgram, type Program } from "../../system/program.ts";
import { RuntimeError } from "../errors.ts";
import { MonitorClient } from "./client.ts";
import { encodeOperations, type Operation } from "./operation.ts";

export interface LaunchOptions {
  /** Give the helper this process's own descriptors 0, 1 and 2. */
  readonly inherit: boolean;
  /** The helper outlives this process. */
  readonly detached: boolean;
  /** Give it so many further descriptors of this process, from 3 upward. @default 0 */
  readonly preserve?: number;
}

export interface Launched {
  readonly client: MonitorClient;
  /** Resolves when the helper itself has ended. */
  readonly ended: Promise<void>;
}

/** A helper that waits to be told what to do. Disposed of before, it ends, and nothing was begun. */
export interface Helper extends Disposable {
  /** @throws {RuntimeError} `SPEC_INVALID` when it cannot be said */
  launch(operations: readonly Operation[]): Launched;
}

/** Its start takes as long as to find out what it is to do, so it is begun first. @throws {RuntimeError} `LAUNCH_FAILED` */
export function startHelper(helper: string, options: LaunchOptions): Helper {
  const [ours, theirs] = socketPair();
  const client = openClient(ours, theirs);
  const { ended } = start(helper, theirs, client, options);
  let isLaunched = false;
  return {
    launch(operations) {
      client.send(encodeOperations(operations));
      isLaunched = true;
      return {
        client,
        ended: ended.then(
          () => undefined,
          () => undefined,
        ),
      };
    },
    [Symbol.dispose]() {
      if (!isLaunched) client.close();
    },
  };
}

/** What cannot be watched is closed, and so is its other end. */
function openClient(ours: number, theirs: number): MonitorClient {
  try {
    return new MonitorClient(ours);
  } catch (error) {
    closeSync(theirs);
    throw error;
  }
}

function start(helper: string, control: number, client: MonitorClient, { inherit, detached, preserve = 0 }: LaunchOptions): Program {
  const standard = inherit ? [0, 1, 2] : [undefined, undefined, undefined];
  const kept = Array.from({ length: preserve }, (_, index) => index + 3);
  try {
    return startProgram(helper, ["launch", String(preserve)], { files: [...standard, control, ...kept], env: {}, cwd: "/", detached });
  } catch (error) {
    client.close();
    throw new RuntimeError("LAUNCH_FAILED", `Cannot start the helper ${helper}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  } finally {
    closeSync(control);
  }
}
