/** The end of a monitor's connection that commands hold: nothing of what was sent is lost. */
import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { expect, test } from "vitest";
import { MonitorClient } from "../../runtime/process/client.ts";
import { encodeFrame, FRAME } from "../../runtime/process/frames.ts";
import { tryConnecting } from "../../system/local-socket.ts";
import { temporaryRoot } from "../support/root.ts";

const EXIT = { exitCode: 3, oomKilled: false, finishedAt: "2026-01-01T00:00:00Z" };

/** Both ends. */
async function connect(path: string): Promise<{ readonly server: Server; readonly client: MonitorClient; readonly monitor: Socket }> {
  const server = createServer().listen(path);
  const accepted = once(server, "connection") as Promise<[Socket]>;
  const client = new MonitorClient(await tryConnecting(path));
  const [monitor] = await accepted;
  return { server, client, monitor };
}

test("what a container said before it ended is read, also when it is typed into afterwards", async () => {
  using root = temporaryRoot();
  const { server, client, monitor } = await connect(join(root.root, "..", "monitor.sock"));
  monitor.write(encodeFrame(FRAME.output, Buffer.from("first ")));
  await new Promise((resolve) => setTimeout(resolve, 50)); // it has come, and nobody reads yet
  monitor.end(Buffer.concat([encodeFrame(FRAME.output, Buffer.from("last")), encodeFrame(FRAME.exit, Buffer.from(JSON.stringify(EXIT)))]));
  await once(monitor, "finish");
  monitor.destroy();
  await once(monitor, "close");
  const attachment = client.attachment();
  attachment.closeStdin();
  let said = "";
  for await (const { data } of attachment.output) said += Buffer.from(data).toString();
  expect([said, await client.exit]).toEqual(["first last", EXIT]);
  server.close();
});

test("its connection ends with the container, also when the last words and the end come together", async () => {
  using root = temporaryRoot();
  const { server, client, monitor } = await connect(join(root.root, "..", "monitor.sock"));
  const gone = once(monitor.resume(), "close");
  monitor.write(Buffer.concat([encodeFrame(FRAME.output, Buffer.from("last")), encodeFrame(FRAME.exit, Buffer.from(JSON.stringify(EXIT)))]));
  let said = "";
  for await (const { data } of client.attachment().output) said += Buffer.from(data).toString();
  await gone;
  expect([said, await client.exit]).toEqual(["last", EXIT]);
  server.close();
});
