/** Pushes, pulls and copies killed with SIGKILL at any moment: the next one ends well, both stores are whole, and nothing unfinished stays. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { runStrata, strataOutput } from "../support/cli.ts";
import { strata, temporaryRoot, type TemporaryRoot } from "../support/root.ts";
import { noise, startRegistry, type TestRegistry, unfinished } from "../registry/registry.ts";

const KILLS = 12;
const LAYER_BYTES = 6 << 20;

let registry: TestRegistry;
let here: TemporaryRoot;
let there: TemporaryRoot;
let image: string;

beforeAll(async () => {
  registry = await startRegistry();
  [here, there] = [temporaryRoot(), temporaryRoot()];
  image = `${registry.host}/team/app:v1`;
  const context = join(here.root, "../context");
  mkdirSync(context);
  const names = ["one", "two", "three"];
  names.forEach((name, index) => writeFileSync(join(context, name), noise(LAYER_BYTES, index + 1)));
  writeFileSync(join(context, "Dockerfile"), ["FROM scratch", ...names.map((name) => `COPY ${name} /`)].join("\n"));
  await strataOutput(here, "build", "-t", image, context);
}, 300_000);

afterAll(async () => {
  await registry[Symbol.asyncDispose]();
  for (const root of [here, there]) root[Symbol.dispose]();
}, 300_000);

/** Its status, or undefined when it was killed after that many milliseconds. */
async function killed(root: TemporaryRoot, patience: number, ...args: readonly string[]): Promise<number | null> {
  const child = spawn(process.execPath, [strata, ...args], { env: root.env, stdio: "ignore" });
  const timer = setTimeout(() => child.kill("SIGKILL"), patience);
  const [status] = (await once(child, "exit")) as [number | null];
  clearTimeout(timer);
  return status;
}

/** From before it has begun to about its end: each time, what earlier ones brought is taken away. */
async function killAgainAndAgain(root: TemporaryRoot, forget: () => Promise<unknown> | void, ...args: readonly string[]): Promise<void> {
  let cut = 0;
  for (let kill = 0; kill < KILLS; kill++) {
    const status = await killed(root, 60 + kill * 25, ...args);
    if (status === null) cut++;
    else expect(status).toBe(0);
    if (status === 0) await forget();
  }
  expect(cut).toBeGreaterThan(0);
}

async function isWhole(root: TemporaryRoot): Promise<void> {
  expect((await runStrata(root, ["system", "check"])).status).toBe(0);
}

test("a push", { timeout: 300_000 }, async () => {
  await killAgainAndAgain(here, () => undefined, "push", image);
  await strataOutput(here, "push", image);
  await isWhole(here);
  expect((await runStrata(here, ["registry", "check", "--deep"], { env: { STRATA_ROOT: registry.store.root } })).status).toBe(0);
});

test("a pull", { timeout: 300_000 }, async () => {
  await killAgainAndAgain(there, async () => await strataOutput(there, "rmi", image), "pull", image);
  await strataOutput(there, "pull", image);
  await isWhole(there);
  await expect.poll(() => unfinished(there.root)).toEqual([]);
});

test("a copy between a registry and a folder, both ways", { timeout: 300_000 }, async () => {
  const folder = join(there.root, "../copied");
  await killAgainAndAgain(there, () => rmSync(folder, { recursive: true }), "copy", `docker://${image}`, `oci:${folder}:v1`);
  await strataOutput(there, "copy", `docker://${image}`, `oci:${folder}:v1`);
  await killAgainAndAgain(there, () => undefined, "copy", `oci:${folder}:v1`, `docker://${registry.host}/team/copied:v1`);
  await strataOutput(there, "copy", `oci:${folder}:v1`, `docker://${registry.host}/team/copied:v1`);
  const digest = async (name: string): Promise<string | null> =>
    (await fetch(`${registry.url}/v2/team/${name}/manifests/v1`)).headers.get("docker-content-digest");
  expect(await digest("copied")).toBe(await digest("app"));
  await isWhole(there);
});
