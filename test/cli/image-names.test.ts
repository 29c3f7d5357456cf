/** Names, digests and platforms of images, and what removing says: the same commands by Debian's docker and by us. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { BOX_IMAGE, type Box, openBox } from "../support/box.ts";
import { type Outcome, serveStrata, type Server } from "../support/cli.ts";
import { type Dockerd, startDockerd } from "../support/dockerd.ts";
import { temporaryRoot, type TemporaryRoot } from "../support/root.ts";

vi.setConfig({ testTimeout: 60_000, hookTimeout: 90_000 });

const FOREIGN = "local/foreign:1";
let box: Box;
let docker: Dockerd;
let registryRoot: TemporaryRoot;
let registry: Server;

beforeAll(async () => {
  box = await openBox("sh true");
  docker = await startDockerd();
  registryRoot = temporaryRoot();
  registry = await serveStrata(registryRoot, ["registry", "serve", "--listen", "127.0.0.1:0", "--log-format", "none"], /listening on (127\.0\.0\.1:\d+)/);
  const context = join(box.root.root, "../context");
  mkdirSync(context);
  writeFileSync(join(context, "Dockerfile"), `FROM scratch\nCMD ["/none"]\nCOPY Dockerfile /\n`);
  await box.strata("build", "-q", "--platform", "linux/arm64", "-t", FOREIGN, context);
  const archive = join(box.root.root, "../images.tar");
  await box.strata("save", "-o", archive, BOX_IMAGE, FOREIGN);
  await docker.docker("load", "-i", archive);
});
afterAll(async () => {
  await registry[Symbol.asyncDispose]();
  registryRoot[Symbol.dispose]();
  await docker[Symbol.asyncDispose]();
  await box[Symbol.asyncDispose]();
});

/** The same of both, docker's first. Ids, digests and sizes are their own. */
async function both(...args: readonly string[]): Promise<readonly [Outcome, Outcome]> {
  const plain = ({ status, stdout, stderr }: Outcome): Outcome => ({
    status,
    stdout: stdout
      .replaceAll(/\b[0-9a-f]{64}\b/g, "ID")
      .replaceAll(/space: [\d.]+.?B/g, "space: SOME")
      .replaceAll(/^deleted: sha256:ID\n(?:deleted: sha256:ID\n)+/gim, (line) => line.slice(0, line.indexOf("\n") + 1)), // docker tells its layers too
    stderr: stderr.replace(/^(?:docker: )?Error response from daemon: |^strata: /m, "").replace(/\.?\nSee 'docker [a-z]+ --help'\.\n/, "\n"),
  });
  return [plain(await docker.attempt(...args)), plain(await box.attempt(...args))];
}

const CREATE = ["create", "--network", "none", "--pull", "never"];

test.each([
  { what: "another platform than is here is no such image", args: [...CREATE, "--platform", "linux/arm64", BOX_IMAGE, "true"] },
  { what: "another variant neither", args: [...CREATE, "--platform", "linux/arm/v7", FOREIGN] },
  { what: "run ends with 125 then", args: ["run", "--rm", "--pull", "never", "--network", "none", "--platform", "linux/arm64", BOX_IMAGE, "true"] },
  { what: "an image of another platform is warned of", args: [...CREATE, "--name", "unasked", FOREIGN] },
  { what: "and is not when it was asked for", args: [...CREATE, "--name", "asked", "--platform", "linux/arm64", FOREIGN] },
  { what: "nor is this machine's", args: [...CREATE, "--name", "own", "--platform", "linux/amd64", BOX_IMAGE, "true"] },
])("$what", async ({ args }) => {
  const [theirs, ours] = await both(...args);
  expect(ours).toEqual(theirs);
  expect(theirs.stderr === "" || theirs.stderr.includes("platform")).toBe(true);
});

test("what is not here for that platform is asked of its registry", async () => {
  const name = `${registry.match[1]}/none/box:1`;
  await both("tag", BOX_IMAGE, name);
  for (const { status, stderr } of await both("run", "--rm", "--network", "none", "--platform", "linux/arm64", name, "true"))
    expect([status, stderr]).toEqual([125, expect.stringContaining(`Unable to find image '${name}' locally\n`)]);
  await both("rmi", name);
});

test("an image has a digest once it was pushed, and is one image when it was pulled again", async () => {
  const name = `${registry.match[1]}/team/box:1`;
  const same = async (...args: readonly string[]): Promise<string> => {
    const [theirs, ours] = await both(...args);
    expect(ours).toEqual(theirs);
    return theirs.stdout;
  };
  const digests = ["images", "--digests", "--format", "{{.Repository}}:{{.Tag}} {{.Digest}}", name.replace(/:1$/, "")]; // with a tag docker hides them
  await same("tag", BOX_IMAGE, name);
  expect(await same(...digests)).toBe(`${name} <none>\n`);
  for (const { status } of await both("push", "-q", name)) expect(status).toBe(0);
  expect(await same(...digests)).toBe(`${name} sha256:ID\n`);
  const gone = `Untagged: ${name}\nUntagged: ${name.replace(/:1$/, "")}@sha256:ID\n`;
  expect(await same("rmi", name)).toBe(gone);
  await both("pull", "-q", name);
  await same("create", "--network", "none", "--name", "user", name, "true");
  expect(await same("images", "--filter", "dangling=true", "-q")).toBe("");
  expect(await same("rmi", name)).toBe(gone); // the container has its image by the other name
  await same("rm", "user");
  await same("tag", BOX_IMAGE, name);
  await same("rmi", BOX_IMAGE);
  for (const verb of ["push", "pull"]) for (const { status } of await both(verb, "-q", name)) expect(status).toBe(0);
  expect(await same("images", "--format", "{{.Repository}}:{{.Tag}}", "--filter", `reference=${name}`)).toBe(`${name}\n`);
  expect(await same("image", "prune", "-f")).toBe("Total reclaimed space: SOME\n"); // what it was packed as before is no image of its own
  expect(await same("images", "--quiet", "--filter", "dangling=true")).toBe("");
  await same("tag", name, BOX_IMAGE);
  for (const { stdout } of await both("rmi", name)) expect(stdout).toContain(gone); // docker has pulled what we pushed
});

test("--all-tags pushes what is here of a repository and pulls what is there", async () => {
  const repository = `${registry.match[1]}/team/many`;
  for (const tag of ["one", "two", "latest"]) await both("tag", BOX_IMAGE, `${repository}:${tag}`);
  for (const { status, stdout } of await both("push", "-a", repository)) {
    expect(status).toBe(0);
    for (const tag of ["one", "two", "latest"]) expect(stdout).toMatch(new RegExp(`^${tag}: digest: sha256:ID size: \\d+$`, "m"));
    expect(stdout).not.toContain("default tag");
  }
  await both("rmi", ...["one", "two", "latest"].map((tag) => `${repository}:${tag}`));
  for (const { status, stdout } of await both("pull", "--all-tags", "-q", repository)) expect([status, stdout]).toEqual([0, `${repository}\n`]);
  const [theirs, ours] = await both("images", "--format", "{{.Tag}}", repository);
  expect(ours.stdout.split("\n").toSorted()).toEqual(theirs.stdout.split("\n").toSorted());
  for (const verb of ["push", "pull"]) {
    const [refused, own] = await both(verb, "-a", `${repository}:one`);
    expect(own).toEqual(refused);
  }
  for (const { status } of await both("push", "-a", `${repository}-absent`)) expect(status).toBe(1);
  await both("rmi", ...["one", "two", "latest"].map((tag) => `${repository}:${tag}`));
});

test("what a container runs of is not forced away: its id is refused, and its last name leaves it without one", async () => {
  const context = join(box.root.root, "../kept");
  mkdirSync(context);
  writeFileSync(join(context, "Dockerfile"), `FROM ${BOX_IMAGE}\nLABEL kept=true\n`);
  await box.strata("build", "-q", "-t", "local/kept:1", context);
  const archive = join(context, "image.tar");
  await box.strata("save", "-o", archive, "local/kept:1");
  await docker.docker("load", "-i", archive);
  const same = async (...args: readonly string[]): Promise<Outcome> => {
    const [theirs, ours] = (await both(...args)).map(({ stderr, ...rest }) => ({ ...rest, stderr: stderr.replace(/container [0-9a-f]{12}/, "container ID") }));
    expect(ours).toEqual(theirs);
    return ours!;
  };
  await same("run", "-di", "--network", "none", "--name", "keeper", "local/kept:1", "sh");
  const id = (await box.strata("inspect", "--type", "image", "-f", "{{.Id}}", "local/kept:1")).slice("sha256:".length, 19);
  expect(await same("rmi", "-f", id)).toMatchObject({
    status: 1,
    stderr: expect.stringContaining("(cannot be forced) - image is being used by running container ID"),
  });
  expect((await same("rmi", "-f", "local/kept:1")).stdout).toBe("Untagged: local/kept:1\n");
  expect((await same("images", "--filter", "dangling=true", "--format", "{{.Repository}}")).stdout).toBe("<none>\n");
  await same("rmi", "-f", id);
  await same("rm", "-f", "keeper");
  expect(await same("rmi", id)).toMatchObject({ status: 0, stdout: "Deleted: sha256:ID\n" });
});

test("pruning has docker's headers", async () => {
  const same = async (...args: readonly string[]): Promise<string> => {
    const [theirs, ours] = await both(...args);
    expect(ours).toEqual(theirs);
    return ours.stdout;
  };
  await both("rm", "-f", "unasked", "asked", "own");
  await same("create", "--network", "none", "-v", "/data", "--name", "ended", BOX_IMAGE, "true");
  expect(await same("container", "prune", "-f")).toBe("Deleted Containers:\nID\n\nTotal reclaimed space: SOME\n");
  await same("create", "--network", "none", "-v", "/data", "--name", "ended", BOX_IMAGE, "true");
  await both("rmi", FOREIGN);
  expect(await same("system", "prune", "-f")).toBe("Deleted Containers:\nID\n\nTotal reclaimed space: SOME\n");
  expect(await same("image", "prune", "-af")).toBe(`Deleted Images:\nuntagged: ${BOX_IMAGE}:latest\ndeleted: sha256:ID\n\nTotal reclaimed space: SOME\n`);
  expect(await same("image", "prune", "-f")).toBe("Total reclaimed space: SOME\n");
});
