/** The only place where rooms are joined: each is opened on first use and closed when the verb ends. */
import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Engine } from "../runtime/engine.ts";
import type { Processes } from "../runtime/process.ts";
import type { Store } from "../store/store.ts";
import type { Context } from "./context.ts";
import { EXIT, ExitError } from "./errors.ts";
import { openInterrupt } from "./interrupt.ts";

export function compose(rootFlag: string | undefined): Context & AsyncDisposable {
  const env = process.env;
  const isRoot = process.getuid?.() === 0;
  const root = rootFlag ?? env["STRATA_ROOT"] ?? (isRoot ? "/var/lib/strata" : join(env["XDG_DATA_HOME"] || join(homedir(), ".local/share"), "strata"));
  const runRoot = env["STRATA_RUN_ROOT"] ?? (isRoot ? "/run/strata" : join(env["XDG_RUNTIME_DIR"] || join(root, "run"), "strata"));
  const interrupt = openInterrupt();
  const closers: (() => Promise<void>)[] = [];
  const once = <T>(open: () => Promise<T>): (() => Promise<T>) => {
    let opened: Promise<T> | undefined;
    return () => (opened ??= open());
  };
  const context: Context & AsyncDisposable = {
    root,
    runRoot,
    programs: {
      helper: program("strata-helper"),
      minder: program("strata-minder"),
      network: program("strata-network"),
      names: program("strata-names"),
      loopback: program("strata-loopback"),
      tree: program("strata-tree"),
    },
    self: [process.execPath, ...process.execArgv, fileURLToPath(new URL("../../bin/strata.js", import.meta.url)), "--root", root],
    env,
    get stdin() {
      return process.stdin;
    },
    get stdout() {
      return endWithReader(process.stdout);
    },
    get stderr() {
      return endWithReader(process.stderr);
    },
    interrupt,
    get signal() {
      return interrupt.signal;
    },
    store: once(async (): Promise<Store> => {
      process.umask(0o022); // containers see these folders and files, and who is not root in there must be able to read them; secrets have modes of their own
      const { openStore } = await import("../store/open.ts");
      const store = await openStore({ root, treeTool: context.programs.tree });
      closers.push(async () => await store[Symbol.asyncDispose]());
      return store;
    }),
    processes: once(async (): Promise<Processes> => {
      const { openProcesses } = await import("../runtime/open-processes.ts");
      const warn = (text: string): void => void context.stderr.write(`strata: warning: ${text}\n`);
      return await openProcesses({ runRoot, helper: context.programs.helper, warn, dropLimits: true });
    }),
    engine: once(async (): Promise<Engine> => {
      const { openEngine } = await import("../runtime/open-engine.ts");
      return await openEngine({
        root,
        runRoot,
        programs: context.programs,
        self: context.self,
        store: await context.store(),
        processes: await context.processes(),
        notice: (text) => void context.stderr.write(`strata: ${text}\n`),
      });
    }),
    async [Symbol.asyncDispose](): Promise<void> {
      for (const close of closers.reverse()) await close();
    },
  };
  return context;
}

const watched = new WeakSet<NodeJS.WriteStream>();

/**
 * When whoever read our output has gone we end as SIGPIPE ends programs: quietly. A container goes on; its monitor settles it.
 * Streams are made when they are first asked for: their modules take longer to load than a container to start.
 */
export function endWithReader(stream: NodeJS.WriteStream): NodeJS.WriteStream {
  if (watched.has(stream)) return stream;
  watched.add(stream);
  return stream.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") process.exit(EXIT.brokenPipe);
    if (stream !== process.stderr) process.stderr.write(`strata: Cannot write the output: ${error.message}\n`);
    process.exit(EXIT.refused);
  });
}

/** The native programs stand where node-gyp built them. */
function program(name: string): string {
  const path = fileURLToPath(new URL(`../../build/Release/${name}`, import.meta.url));
  if (!existsSync(path)) throw new ExitError(125, `Cannot find the native program ${name}: ${path} is missing\nRun 'npm rebuild' in the package folder`);
  return path;
}
