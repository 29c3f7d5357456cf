/** A port that nobody has just now, for programs that cannot be asked which they took, and for those that come back to theirs. */
import { once } from "node:events";
import { createServer } from "node:net";

/** Below those that the kernel gives to whoever wants any: nobody takes it by chance before the program does. */
const FIRST = 12_000;
const COUNT = 16_000;

/** By default of 127.0.0.1; `::` is every address. */
export async function freePort(host = "127.0.0.1"): Promise<number> {
  for (;;) {
    const port = FIRST + Math.floor(Math.random() * COUNT);
    const server = createServer();
    const isFree = once(server.listen(port, host), "listening").then(
      () => true,
      () => false, // somebody has it
    );
    if (!(await isFree)) continue;
    server.close();
    await once(server, "close");
    return port;
  }
}
