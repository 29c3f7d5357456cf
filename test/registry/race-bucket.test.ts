/**
 * As race.test.ts, over a bucket: two servers on one S3 service, a third process collects. The service tells times in whole seconds,
 * so that less grace than two would be none.
 */
import { test } from "vitest";
import { runStrata, serveStrata } from "../support/cli.ts";
import { temporaryRoot } from "../support/root.ts";
import { startSwift } from "../support/swift.ts";
import { race, RACE_SECONDS } from "./race.ts";

const READY = /listening on (127\.0\.0\.1:\d+)/;

test(`for ${RACE_SECONDS} s nothing that two servers acknowledged is lost`, { timeout: RACE_SECONDS * 1_000 + 180_000 }, async () => {
  await using swift = await startSwift();
  const location = swift.location();
  using root = temporaryRoot();
  const place = { ...root, env: { ...root.env, ...swift.env } };
  const serve = ["registry", "serve", "--listen", "127.0.0.1:0", "--log-format", "none", "--storage", location];
  await using one = await serveStrata(place, serve, READY);
  await using two = await serveStrata(place, serve, READY);
  await race({
    urls: [one, two].map(({ match }) => `http://${match[1]}`),
    pushers: 3,
    mayRefuse: true,
    collection: (round) => [["registry", "gc", "--grace", String(2 + (round % 2)), ...(round % 3 === 0 ? [] : ["--untagged"])]],
    strata: async (args) => await runStrata(place, [...args, "--storage", location]),
  });
});
