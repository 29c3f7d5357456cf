/** Exec and attach over SPDY: one stream each for errors, stdin, stdout, stderr and terminal sizes. */
import type { Duplex } from "node:stream";
import type { Status } from "../errors.ts";
import { parseSizes, type RemoteTerminal } from "./remote-terminal.ts";
import { SpdyConnection, type SpdyStream } from "./spdy.ts";

export interface TerminalOptions {
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
  readonly tty: boolean;
}

const STREAMS_MS = 30_000;

/** Versions of the protocol that we speak, best first. */
export const spdyTerminalProtocols = ["v5.channel.k8s.io", "v4.channel.k8s.io"] as const;

/** Resolves when the client has opened the streams that it asked for; undefined when it does not. */
export async function openSpdyTerminal(socket: Duplex, head: Buffer, options: TerminalOptions): Promise<RemoteTerminal | undefined> {
  const wanted = [
    "error",
    ...(options.stdin ? ["stdin"] : []),
    ...(options.stdout ? ["stdout"] : []),
    ...(options.stderr && !options.tty ? ["stderr"] : []),
    ...(options.tty ? ["resize"] : []),
  ];
  const streams = new Map<string, SpdyStream>();
  const gone = new AbortController();
  let complete: (complete: boolean) => void;
  const opened = new Promise<boolean>((resolve) => (complete = resolve));
  const connection = new SpdyConnection(socket, (stream) => {
    streams.set(stream.headers.get("streamtype") ?? "", stream);
    if (wanted.every((type) => streams.has(type))) complete(true);
  });
  const timer = setTimeout(() => socket.destroy(), STREAMS_MS);
  void connection.run(head).finally(() => {
    gone.abort();
    complete(false);
  });
  const whole = await opened;
  clearTimeout(timer);
  return whole ? terminalOf(streams, gone.signal, () => connection.close()) : undefined;
}

function terminalOf(streams: ReadonlyMap<string, SpdyStream>, gone: AbortSignal, close: () => void): RemoteTerminal {
  const resize = streams.get("resize")?.input;
  return {
    input: streams.get("stdin")?.input,
    sizes: resize && parseSizes(resize),
    gone,
    send: async (name, data) => await (streams.get(name) ?? streams.get("stdout"))?.write(data),
    finish: async (status: Partial<Status>) => {
      for (const name of ["stdout", "stderr"]) await streams.get(name)?.end();
      await streams.get("error")?.write(Buffer.from(JSON.stringify(status)));
      await streams.get("error")?.end();
      close();
    },
  };
}
