/** One line a reply, for people (`text`) or for programs (`json`). */
import type { Reply, Request } from "./message.ts";
import { direct, type Peers } from "./peers.ts";
import { asciiJSON } from "./ascii-json.ts";

export type LogFormat = "text" | "json" | "none";

export interface AccessLogger {
  (request: Request, reply: Reply, sent: { readonly bytes: number; readonly milliseconds: number }): void;
}

export interface AccessLogOptions {
  readonly peers?: Peers;
  /** Who was let in; asked when the reply has gone. */
  readonly userOf?: (request: Request) => string | undefined;
}

export function accessLog(format: LogFormat, write: (line: string) => void, { peers = direct, userOf = () => undefined }: AccessLogOptions = {}): AccessLogger {
  return (request, reply, { bytes, milliseconds }): void => {
    if (format === "none") return;
    const record = {
      time: new Date().toISOString(),
      remote: peers.address(request) || "-",
      user: userOf(request) ?? "-",
      method: request.method,
      path: request.path,
      status: reply.status,
      bytes,
      ms: Math.round(milliseconds * 10) / 10,
      agent: request.headers["user-agent"] ?? "-",
    };
    if (format === "json") write(`${asciiJSON(record)}\n`);
    else
      write(
        `${record.time} ${record.remote} ${printable(record.user)} ${record.method} ${printable(record.path)} ${record.status} ${bytes}B ${record.ms}ms ${asciiJSON(record.agent)}\n`,
      );
  };
}

/** What a client sends must not forge lines or move the cursor. */
function printable(text: string): string {
  return text.replaceAll(/[^\x21-\x7e]/g, "?");
}
