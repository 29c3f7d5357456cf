/** Names that a registry without logins answers to: a page on the web that gives its own name an address of this machine reads nothing. */
import { execFile } from "node:child_process";
import { request } from "node:http";
import { hostname } from "node:os";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { answerOnlyTo } from "../../registry/server/own-names.ts";
import { runStrata } from "../support/cli.ts";
import { temporaryRoot } from "../support/root.ts";
import { pushImage, startRegistry } from "./registry.ts";

test.each([
  { host: "localhost:5000", answers: true },
  { host: "LocalHost.", answers: true },
  { host: "app.localhost:5000", answers: true },
  { host: "127.0.0.1", answers: true },
  { host: "[::1]:5000", answers: true },
  { host: "192.168.1.9:5000", answers: true },
  { host: "machine.example:5000", answers: true },
  { host: "machine", answers: true },
  { host: "registry.test:5000", answers: true },
  { host: undefined, answers: true },
  { host: "attacker.example:5000", answers: false },
  { host: "localhost.attacker.example", answers: false },
  { host: "127.0.0.1.attacker.example", answers: false },
  { host: "[attacker.example]", answers: false },
  { host: "localhost@attacker.example", answers: false },
  { host: "machine.example.attacker.example", answers: false },
  { host: "", answers: false },
])("a request for $host: answered $answers", ({ host, answers }) => {
  const check = answerOnlyTo(["Registry.test"], "Machine.example");
  const ask = (): void => check({ headers: host === undefined ? {} : { host } });
  if (answers) ask();
  else expect(ask).toThrow(expect.objectContaining({ code: "DENIED" }));
});

/** Status of a request that calls the registry `host`. */
async function ask(url: string, host: string, path = "/v2/_catalog", method = "GET"): Promise<number | undefined> {
  return await new Promise((resolve, reject) => {
    request(new URL(path, url), { method, headers: { host } }, (response) => response.resume().on("end", () => resolve(response.statusCode)))
      .on("error", reject)
      .end();
  });
}

test("a page under another name neither reads nor changes anything; the machine's names do", async () => {
  await using registry = await startRegistry({ servedNames: ["registry.test"], logFormat: "none" });
  await pushImage(registry, "app", "v1");
  for (const path of ["/v2/_catalog", "/v2/app/manifests/v1", "/ui/", "/metrics"])
    expect([path, await ask(registry.url, "attacker.test:80", path)]).toEqual([path, 403]);
  expect(await ask(registry.url, "attacker.test", "/v2/app/manifests/v1", "DELETE")).toBe(403);
  const statuses = [];
  for (const name of ["127.0.0.1", "localhost", "[::1]", hostname(), "registry.test"])
    statuses.push(await ask(registry.url, `${name}:5000`, "/v2/app/manifests/v1"));
  expect(statuses).toEqual([200, 200, 200, 200, 200]);
});

test("where logins are asked for, or everybody is to be let in, any name will do", async () => {
  await using open = await startRegistry({ allowAnonymous: true, logFormat: "none" });
  expect(await ask(open.url, "any.test")).toBe(200);
});

test("skopeo and podman reach it as localhost and by its address", async () => {
  await using registry = await startRegistry({ logFormat: "none" });
  await pushImage(registry, "app", "v1");
  for (const host of [registry.host, registry.host.replace("127.0.0.1", "localhost")]) {
    const { stdout } = await promisify(execFile)("skopeo", ["list-tags", "--tls-verify=false", `docker://${host}/app`]);
    expect(JSON.parse(stdout)).toMatchObject({ Tags: ["v1"] });
    const found = await promisify(execFile)("podman", ["search", "--tls-verify=false", "--list-tags", `${host}/app`, "--format", "{{.Tag}}"]);
    expect(found.stdout).toMatch(/^\S+\/app +v1$/m);
  }
});

test("what is no name is refused before anything listens", async () => {
  using root = temporaryRoot();
  const outcome = await runStrata(root, ["registry", "serve", "--listen", "127.0.0.1:0", "--served-name", "registry.test:80"]);
  expect(outcome).toMatchObject({ status: 2, stderr: expect.stringContaining('Cannot answer to "registry.test:80"') });
});
