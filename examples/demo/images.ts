/** Base image, build, push, pull: the same digests all the way. */
import { strict as assert } from "node:assert";
import { step } from "./narrate.ts";
import { HELLO, REGISTRY_ROOT } from "./place.ts";
import { serve, strata } from "./shell.ts";

const PROGRAMS = "sh,ls,cat,echo,sleep,ps,id,env,touch,mkdir,node";

export async function images(): Promise<void> {
  const base = await step("strata base create local/node: a base image from this machine's own programs", createBase, (text) => text);
  await step("strata build -t hello:v1 examples/hello", async () => await build("v1"), describeLayers);
  await step(
    "the same build again: every step comes from the cache",
    async () => await build("v1"),
    () => "",
  );
  const [, registry = ""] = await step(
    "strata registry serve",
    async () => await serve(["--root", REGISTRY_ROOT, "registry", "serve", "--listen", "127.0.0.1:0"], /(127\.0\.0\.1:\d+)/),
    ([, address]) => `listening on ${address}`,
  );
  await roundTrip(`${registry}/hello:v1`);
  await strata("tag", `${registry}/hello:v1`, "hello:v1");
  assert.equal(await step("the base image once more", createBase, () => "the same digest"), base);
}

async function createBase(): Promise<string> {
  return await strata("base", "create", "local/node", "--bin", PROGRAMS, "--user", "app:1000");
}

export async function build(version: string): Promise<string> {
  await strata("build", "-q", "-t", `hello:${version}`, "--build-arg", `VERSION=${version}`, HELLO);
  return await imageID(`hello:${version}`);
}

async function roundTrip(name: string): Promise<void> {
  const built = await imageID("hello:v1");
  await strata("tag", "hello:v1", name);
  await step("strata push", async () => await strata("push", name), lastLine);
  await step("strata rmi, strata system prune --all: nothing of it is left here", forget(name), lastLine);
  await assert.rejects(imageID("hello:v1"), "the local image must be gone");
  const pulled = await step("strata pull", async () => await strata("pull", name), lastLine);
  assert.ok(pulled !== "");
  assert.equal(await imageID(name), built, "the pulled image must be the one that was built");
}

function forget(name: string): () => Promise<string> {
  return async () => {
    await strata("rmi", name, "hello:v1");
    return await strata("system", "prune", "--all", "--force");
  };
}

async function imageID(name: string): Promise<string> {
  return await strata("image", "inspect", "--format", "{{.Id}}", name);
}

function describeLayers(id: string): string {
  return `image ${id.slice(0, 19)}`;
}

function lastLine(text: string): string {
  return text.split("\n").at(-1) ?? "";
}
