/** Images of pods: policies, and a registry that asks for a password. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { hashSync } from "bcryptjs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { runStrata, serveStrata, strataOutput, type Server } from "../support/cli.ts";
import type { TestCluster } from "../support/cluster.ts";
import { temporaryRoot, type TemporaryRoot } from "../support/root.ts";
import { eventsOf, IDLE, IMAGE, makeImage, pod, podCluster, sh, untilPod, untilReady } from "./pod-lab.ts";

let cluster: TestCluster;
let elsewhere: TemporaryRoot;
let registry: Server;
let image: string;

beforeAll(async () => {
  elsewhere = temporaryRoot();
  const users = join(elsewhere.root, "users");
  writeFileSync(users, `reader:${hashSync("pass", 4)}\n`);
  registry = await serveStrata(elsewhere, ["registry", "serve", "--listen", "127.0.0.1:0", "--htpasswd", users], /127\.0\.0\.1:(\d+)/);
  image = `127.0.0.1:${registry.match[1]}/team/tools:v1`;
  await makeImage(elsewhere);
  await strataOutput(elsewhere, "tag", IMAGE, image);
  const login = await runStrata(elsewhere, ["login", "-u", "reader", "--password-stdin", image.split("/")[0] ?? ""], {
    input: "pass",
    env: { DOCKER_CONFIG: elsewhere.runRoot },
  });
  expect(login).toMatchObject({ status: 0 });
  expect(await runStrata(elsewhere, ["push", image], { env: { DOCKER_CONFIG: elsewhere.runRoot } })).toMatchObject({ status: 0 });
  cluster = await podCluster();
}, 300_000);

afterAll(async () => {
  await cluster[Symbol.asyncDispose]();
  await registry[Symbol.asyncDispose]();
  elsewhere[Symbol.dispose]();
}, 300_000);

const waiting = (found: any): any => found.status.containerStatuses?.[0].state.waiting ?? {};

describe("an image behind a password", { timeout: 300_000 }, () => {
  const puller = (name: string, more: object = {}): object => pod(name, { ...more, containers: [{ ...sh("c", IDLE), image, imagePullPolicy: "Always" }] });
  const login = async (name: string, password: string): Promise<string> =>
    await cluster.kubectl(
      "create",
      "secret",
      "docker-registry",
      name,
      `--docker-server=${image.split("/")[0]}`,
      "--docker-username=reader",
      `--docker-password=${password}`,
    );

  test("is not to be had without its secret, nor with a wrong one or one that is not there", async () => {
    await login("wrong", "guess");
    await cluster.apply(
      puller("none"),
      puller("bad", { imagePullSecrets: [{ name: "wrong" }] }),
      puller("absent", { imagePullSecrets: [{ name: "nowhere" }] }),
    );
    for (const name of ["none", "bad", "absent"]) {
      await untilPod(cluster, name, (found) => /^(ErrImagePull|ImagePullBackOff)$/.test(waiting(found).reason));
      const held = await untilPod(cluster, name, (found) => waiting(found).reason === "ImagePullBackOff");
      expect(waiting(held).message).toContain(`Back-off pulling image "${image}"`);
      const events = (await eventsOf(cluster, name)).join("\n");
      expect(events).toContain(`Warning Failed: Failed to pull image "${image}": `);
      expect(events).toContain("Warning Failed: Error: ErrImagePull");
    }
    expect((await eventsOf(cluster, "absent")).join("\n")).toContain(
      "Warning FailedToRetrieveImagePullSecret: Unable to retrieve some image pull secrets (nowhere); attempting to pull the image may not succeed.",
    );
  });

  test("runs with the secret of its pod, or of its account", async () => {
    await login("right", "pass");
    await cluster.apply(puller("own", { imagePullSecrets: [{ name: "right" }] }));
    const { status } = await untilReady(cluster, "own");
    expect(status.containerStatuses[0]).toMatchObject({ image, imageID: expect.stringMatching(/sha256:[0-9a-f]{64}$/) });
    const events = (await eventsOf(cluster, "own")).join("\n");
    expect(events).toContain(`Normal Pulling: Pulling image "${image}"`);
    expect(events).toMatch(/Normal Pulled: Successfully pulled image ".*" in \d+\.\d+s \(\d+\.\d+s including waiting\)/);
    await cluster.kubectl("create", "serviceaccount", "fetcher");
    await cluster.kubectl("patch", "serviceaccount", "fetcher", "-p", '{"imagePullSecrets":[{"name":"right"}]}');
    await cluster.apply(puller("by-account", { serviceAccountName: "fetcher" }));
    const { spec } = await untilReady(cluster, "by-account");
    expect(spec.imagePullSecrets).toEqual([{ name: "right" }]);
  });
});

describe("a pull policy", { timeout: 300_000 }, () => {
  test("Never takes only what is here; a bad name is told at once", async () => {
    const with_ = (name: string, more: object): object => pod(name, { containers: [{ ...sh("c", IDLE), ...more }] });
    await cluster.apply(
      with_("never", { image: "local/none:v1", imagePullPolicy: "Never" }),
      with_("misnamed", { image: "UPPER//case" }),
      with_("present", { imagePullPolicy: "IfNotPresent" }),
    );
    const never = await untilPod(cluster, "never", (found) => waiting(found).reason === "ErrImageNeverPull");
    expect(waiting(never).message).toBe('Container image "local/none:v1" is not present with pull policy of Never');
    await untilPod(cluster, "misnamed", (found) => waiting(found).reason === "InvalidImageName");
    await untilReady(cluster, "present");
    expect((await eventsOf(cluster, "present")).join("\n")).toContain(`Container image "${IMAGE}" already present on machine`);
  });

  test("defaults to Always for latest, and to IfNotPresent for a tag", async () => {
    const image_ = (name: string, reference: string): object => pod(name, { containers: [{ ...sh("c", "true"), image: reference }] });
    await cluster.apply(image_("of-latest", "local/x"), image_("of-tag", "local/x:v1"));
    const policy = async (name: string): Promise<string> => (await cluster.get("pod", name)).spec.containers[0].imagePullPolicy;
    expect([await policy("of-latest"), await policy("of-tag")]).toEqual(["Always", "IfNotPresent"]);
  });
});

test("an image that changes under a running container restarts it with the new one", { timeout: 120_000 }, async () => {
  await strataOutput(cluster.root, "tag", IMAGE, "local/again:v1");
  await cluster.apply(pod("turned", { terminationGracePeriodSeconds: 1, containers: [sh("c", IDLE)] }));
  await untilReady(cluster, "turned");
  await cluster.kubectl("set", "image", "pod/turned", "c=local/again:v1");
  await untilPod(cluster, "turned", ({ status: { containerStatuses } }) => {
    const [{ image: now, restartCount, ready }] = containerStatuses;
    return now === "local/again:v1" && restartCount === 1 && ready;
  });
  expect(await eventsOf(cluster, "turned")).toContain("Normal Killing: Container c definition changed, will be restarted");
});
