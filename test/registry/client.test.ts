/** Our client against our registry and against Debian's docker-registry. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { hashSync } from "bcryptjs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createAuthority, issueCertificate } from "../../http/certificate.ts";
import { pull } from "../../registry/client/pull.ts";
import { push } from "../../registry/client/push.ts";
import { openRemote } from "../../registry/client/remote.ts";
import { listCatalog, openRepository } from "../../registry/client/repository.ts";
import type { TransferState } from "../../registry/client/remote-repository.ts";
import { storeStorage } from "../../registry/storage.ts";
import { openIdentity, prove } from "../../registry/identity.ts";
import { openStore } from "../../store/open.ts";
import type { Store } from "../../store/store.ts";
import { eventually } from "../support/cluster.ts";
import { freePort } from "../support/free-port.ts";
import { temporaryRoot, type TemporaryRoot, treeTool } from "../support/root.ts";
import { buildImage } from "./image.ts";
import { certificateFiles, startRegistry } from "./registry.ts";

let scratch: TemporaryRoot;
let store: Store;
let env: NodeJS.ProcessEnv;

beforeAll(async () => {
  scratch = temporaryRoot();
  env = { HOME: scratch.root };
  store = await openStore({ root: join(scratch.root, "store"), treeTool });
});
afterAll(async () => {
  await store[Symbol.asyncDispose]();
  scratch[Symbol.dispose]();
});

/** Pushes an image, pulls it into another store, and compares. Returns what became of the blobs. */
async function roundTrip(host: string, remoteEnv: NodeJS.ProcessEnv = env): Promise<readonly TransferState[]> {
  const target = await buildImage(store, `${host}/app:v1`);
  const states: TransferState[] = [];
  await using remote = await openRemote(host, { env: remoteEnv });
  const repository = openRepository(remote, "some/app", { onTransfer: (_, state) => states.push(state) });
  const pushed = await push(store, repository, target);
  await repository.tag("v1", pushed);
  expect(await repository.resolve("v1")).toEqual(pushed.descriptor);
  expect(await repository.tags()).toEqual(["v1"]);
  using other = temporaryRoot();
  await using copy = await openStore({ root: other.root, treeTool });
  const top = await repository.read("v1");
  await pull(repository, copy, top);
  await copy.images.tag(`${host}/app:v1`, top.descriptor);
  const [there, here] = [await copy.images.open(`${host}/app:v1`), await store.images.read(target)];
  expect(there.id).toBe(here.id);
  expect(there.chain).toBe(here.chain);
  const view = await copy.snapshots.view(there.chain);
  expect(Buffer.from((await view.read("b")) ?? []).toString()).toBe("hello\n".repeat(1_000));
  await push(store, repository, target);
  return states;
}

test("push, pull and push again: the second time everything is there", async () => {
  await using registry = await startRegistry();
  const states = await roundTrip(registry.host);
  expect(states.filter((state) => state === "done")).toHaveLength(3);
  expect(states.filter((state) => state === "exists").length).toBeGreaterThanOrEqual(3);
});

test("the same push gives the same digest from another store", async () => {
  await using registry = await startRegistry();
  using other = temporaryRoot();
  await using second = await openStore({ root: other.root, treeTool });
  await using remote = await openRemote(registry.host, { env });
  const digests = await Promise.all(
    [store, second].map(async (from, index) => (await push(from, openRepository(remote, `r${index}`), await buildImage(from, "same:v1"))).descriptor.digest),
  );
  expect(digests[0]).toBe(digests[1]);
});

test("into the registry of this very store nothing travels", async () => {
  await using registry = await startRegistry();
  const target = await buildImage(registry.store, "local:v1");
  const sent: number[] = [];
  const states: TransferState[] = [];
  await using remote = await openRemote(registry.host, { env });
  const identity = await openIdentity(storeStorage(registry.store));
  expect(remote.storeId).toBe(identity.id);
  const onTransfer = (_: unknown, state: TransferState, bytes: number): void => void (sent.push(bytes), states.push(state));
  await push(registry.store, openRepository(remote, "local", { onTransfer, prove: (digest) => prove(identity, "mount", digest) }), target);
  expect(sent.every((bytes) => bytes === 0)).toBe(true);
  expect(states.filter((state) => state === "mounted")).toHaveLength(3);
  const stranger = openRepository(remote, "stranger", { prove: (digest) => prove({ ...identity, secret: "00" }, "mount", digest) });
  const secret = await registry.store.blobs.put("nobody links this");
  await expect(stranger.push({ mediaType: "x/y", ...secret }, (async function* none() {})())).rejects.toMatchObject({ code: "SIZE_INVALID" });
});

test("TLS with a private authority and a password from docker's file", async () => {
  const authority = createAuthority("strata test authority");
  const htpasswd = join(scratch.root, "htpasswd");
  writeFileSync(htpasswd, `ann:${hashSync("s:ecret", 4)}\n`);
  await using registry = await startRegistry({
    tls: certificateFiles(scratch.root, issueCertificate(authority, { commonName: "r", names: ["127.0.0.1"], usage: "server" })),
    htpasswd,
  });
  const home = join(scratch.root, "home");
  const trust = join(home, ".config/containers/certs.d", registry.host);
  mkdirSync(trust, { recursive: true });
  await expect(openRemote(registry.host, { env: { HOME: home } })).rejects.toMatchObject({ code: "UNREACHABLE" });
  writeFileSync(join(trust, "ca.crt"), authority.certificate);
  await expect(roundTrip(registry.host, { HOME: home })).rejects.toMatchObject({ code: "UNAUTHORIZED" });
  mkdirSync(join(home, ".docker"));
  const config = join(home, ".docker/config.json");
  writeFileSync(config, JSON.stringify({ auths: { [registry.host]: { auth: Buffer.from("ann:wrong").toString("base64") } } }));
  await expect(roundTrip(registry.host, { HOME: home })).rejects.toMatchObject({ code: "UNAUTHORIZED" });
  writeFileSync(config, JSON.stringify({ auths: { [registry.host]: { auth: Buffer.from("ann:s:ecret").toString("base64") } } }));
  await roundTrip(registry.host, { HOME: home });
});

describe("Debian's docker-registry", () => {
  let host: string;
  let stop: () => Promise<void>;

  beforeAll(async () => {
    const port = await freePort();
    host = `127.0.0.1:${port}`;
    const config = join(scratch.root, "registry.yml");
    writeFileSync(
      config,
      `version: 0.1\nstorage:\n  filesystem:\n    rootdirectory: ${join(scratch.root, "docker-registry")}\n  delete:\n    enabled: true\nhttp:\n  addr: ${host}\n`,
    );
    const child = spawn("docker-registry", ["serve", config], { stdio: "ignore" });
    stop = async (): Promise<void> => {
      child.kill("SIGKILL");
      await once(child, "exit");
    };
    await ready(host);
  });
  afterAll(async () => await stop());

  test("push and pull", async () => {
    const states = await roundTrip(host);
    expect(states.filter((state) => state === "done")).toHaveLength(3);
  });

  test("mount, catalog and delete", async () => {
    const target = await buildImage(store, "mounted:v1");
    await using remote = await openRemote(host, { env });
    const states: TransferState[] = [];
    const repository = openRepository(remote, "mounted/app", { mountFrom: () => "some/app", onTransfer: (_, state) => states.push(state) });
    await repository.tag("v1", await push(store, repository, target));
    expect(states.filter((state) => state === "mounted")).toHaveLength(3);
    expect(await listCatalog(remote)).toEqual(["mounted/app", "some/app"]);
    const { descriptor } = await repository.read("v1");
    await repository.remove(descriptor.digest);
    expect(await repository.resolve("v1")).toBeUndefined();
  });
});

async function ready(host: string): Promise<void> {
  const remote = await eventually(async () => await openRemote(host, { env }));
  await remote[Symbol.asyncDispose]();
}
