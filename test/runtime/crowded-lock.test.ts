/** The lock between processes where more wait than the kernel lets: everybody has it in the end, one after the other. */
import { execFileSync } from "node:child_process";
import { expect, test } from "vitest";
import { projectRoot } from "../support/root.ts";

const WAITERS = 60;
/** Of connections that nobody accepts: a bound of the network namespace, here of one that is the test's own. */
const MOST_WAIT = 4;

const script = `
  const { lock } = await import(${JSON.stringify(`${projectRoot}dist/runtime/engine/lock.js`)});
  let [holders, most, served] = [0, 0, 0];
  const wait = async () => {
    const held = await lock("crowd");
    most = Math.max(most, ++holders);
    await new Promise(setImmediate);
    holders--;
    served++;
    await held[Symbol.asyncDispose]();
  };
  await Promise.all(Array.from({ length: ${WAITERS} }, wait));
  console.log(JSON.stringify({ most, served }));
`;

test(`${WAITERS} wait where ${MOST_WAIT} may`, () => {
  const shell = `echo ${MOST_WAIT} > /proc/sys/net/core/somaxconn && exec "$0" --input-type=module -e "$1"`;
  const said = execFileSync("unshare", ["--net", "sh", "-c", shell, process.execPath, script], { encoding: "utf8", timeout: 300_000 });
  expect(JSON.parse(said)).toEqual({ most: 1, served: WAITERS });
});
