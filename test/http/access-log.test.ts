/** Lines of the access log: what a client sends forges none of them, and moves no cursor. */
import { expect, test } from "vitest";
import { accessLog } from "../../http/access-log.ts";
import type { Request } from "../../http/message.ts";

const CONTROLS = "\u001b\u007f\u0085\u009b2J\u2028\u202e\u00e4\r\n";

test.each(["text", "json"] as const)("control characters of an agent and a user are written as what they are, as %s", (format) => {
  const lines: string[] = [];
  const log = accessLog(format, (line) => lines.push(line), { userOf: () => CONTROLS });
  log({ method: "GET", path: "/", headers: { "user-agent": CONTROLS } } as Partial<Request> as Request, { status: 200 }, { bytes: 0, milliseconds: 1 });
  expect(lines.join("")).toMatch(/^[\x20-\x7e]+\n$/);
  if (format === "json") expect(JSON.parse(lines[0] ?? "")).toMatchObject({ agent: CONTROLS, user: CONTROLS });
  else expect(lines[0]).toContain(String.raw`"\u001b\u007f\u0085\u009b2J\u2028\u202e\u00e4\r\n"`);
});
