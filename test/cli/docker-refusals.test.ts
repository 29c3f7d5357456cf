/** What docker refuses, held against a real one: the same words, the same status, nothing on standard output. */
import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { BOX_IMAGE, type Box, openBox } from "../support/box.ts";
import { type Dockerd, startDockerd } from "../support/dockerd.ts";

vi.setConfig({ testTimeout: 180_000, hookTimeout: 300_000 });

/** Of an address that nobody else's test has. */
const PORT = "127.99.88.76:18080:80";

let box: Box;
let docker: Dockerd;
beforeAll(async () => {
  box = await openBox("sh sleep true");
  docker = await startDockerd({ alone: true });
  const archive = join(box.root.root, "image.tar");
  await box.strata("save", "-o", archive, BOX_IMAGE);
  await docker.docker("load", "-i", archive);
  for (const run of [box.strata, docker.docker]) {
    await run("create", "--network", "none", "--name", "still", BOX_IMAGE, "true");
    await run("network", "create", "ours");
    await run("run", "-d", "--network", "ours", "--name", "held", "-v", "mine:/data", "-p", PORT, BOX_IMAGE, "sleep", "600");
    await run("create", "--network", "ours", "--name", "late", "-p", PORT, BOX_IMAGE, "true");
  }
});
afterAll(async () => {
  await docker[Symbol.asyncDispose]();
  await box[Symbol.asyncDispose]();
});

interface Said {
  readonly status: number;
  readonly stdout: string;
  readonly words: string;
}

async function theirs(...args: readonly string[]): Promise<Said> {
  return await docker.docker(...args).then(
    (stdout) => ({ status: 0, stdout: withoutIds(stdout), words: "" }),
    ({ code, stdout, stderr }: { readonly code: number; readonly stdout: string; readonly stderr: string }) => ({
      status: code,
      stdout: withoutIds(stdout.trim()),
      words: wordsOf(stderr),
    }),
  );
}

async function ours(...args: readonly string[]): Promise<Said> {
  const { status, stdout, stderr } = await box.attempt(...args);
  return { status, stdout: withoutIds(stdout.trim()), words: wordsOf(stderr) };
}

/** Without who says it, and whose ids they are. */
function wordsOf(stderr: string): string {
  const [line = ""] = stderr.trim().split("\n");
  return withoutIds(line)
    .replace(/^(?:docker|strata): /, "")
    .replace(/^Error(?: response from daemon)?: /, "")
    .replace(/\.$/, "")
    .replace(/^"(?:docker|strata) /, '"COMMAND ');
}

function withoutIds(text: string): string {
  return text.replaceAll(/[0-9a-f]{64}/g, "ID");
}

test.each([
  { args: ["inspect", "-f", "{{.Nope}}", "still"] },
  { args: ["inspect", "-f", "{{.State.Health.Status}}", "still"] },
  { args: ["inspect", "-f", "a {{ .NetworkSettings.Networks.foo.IPAddress }}", "still"] },
  { args: ["inspect", "-f", "a\n {{ .HostConfig.LogConfig.Nope.More }}", "still"] },
  { args: ["inspect", "-f", "{{.Name.Nope}}", "still"] },
  { args: ["inspect", "-f", "{{$x := .State}}{{$x.Nope}}", "still"] },
  { args: ["inspect", "-f", "{{range .Config.Cmd}}{{.Nope}}{{end}}", "still"] },
  { args: ["inspect", "-f", "{{with .State}}{{.Status}} {{.Nope}}{{end}}", "still"] },
  { args: ["inspect", "-f", "{{.State.Health}} {{.Config.Healthcheck}} {{.HostConfig.Init}}", "still"] },
  { args: ["inspect", "-f", "{{.Config.Labels.nope}}", "still"] },
  { args: ["inspect", "-f", "{{if .State.Health}}yes{{else}}no{{end}}", "still"] },
  { args: ["exec", "still", "true"] },
  { args: ["exec", "nobody", "true"] },
  { args: ["logs", "nobody"] },
  { args: ["rm", "nobody"] },
  { args: ["start", "-a", "nobody"] },
  { args: ["start", "nobody"] },
  { args: ["stop", "nobody"] },
  { args: ["wait", "nobody"] },
  { args: ["top", "nobody"] },
  { args: ["commit", "nobody"] },
  { args: ["container", "inspect", "nobody"] },
  { args: ["network", "disconnect", "bridge", "nobody"] },
  { args: ["network", "connect", "nowhere", "held"] },
  { args: ["network", "rm", "nowhere"] },
  { args: ["network", "rm", "host"] },
  { args: ["network", "inspect", "nowhere"] },
  { args: ["volume", "rm", "nowhere"] },
  { args: ["volume", "inspect", "nowhere"] },
  { args: ["volume", "rm", "mine"] },
  { args: ["network", "rm", "ours"] },
  { args: ["create", "--name", "a", BOX_IMAGE, "true"] },
  { args: ["create", "--name", "-a", BOX_IMAGE, "true"] },
  { args: ["create", "--name", "a/b", BOX_IMAGE, "true"] },
  { args: ["create", "--name", "held", BOX_IMAGE, "true"] },
  { args: ["create", "--name", "/held", BOX_IMAGE, "true"] },
  { args: ["run", "--name", "a", BOX_IMAGE, "true"] },
  { args: ["rename", "still", "held"] },
  { args: ["rename", "still", "still"] },
  { args: ["rename", "still", ""] },
  { args: ["volume", "create", "a"] },
  { args: ["volume", "create", "a/b"] },
  { args: ["run", "--rm", "-v", "a/b:/data", BOX_IMAGE, "true"] },
  { args: ["run", "-d", "--name", "second", "--network", "ours", "-p", PORT, BOX_IMAGE, "true"] },
  { args: ["run", "-d", "--rm", "--name", "third", "--network", "ours", "-p", PORT, BOX_IMAGE, "true"] },
  { args: ["start", "late"] },
  { args: ["ps", "-a", "--format", "{{.Names}} {{.State}} {{.Ports}}", "--filter", "name=late", "--filter", "name=second", "--filter", "name=third"] },
  { args: ["port", "late"] },
  { args: ["inspect", "-f", "{{json .HostConfig.PortBindings}} {{.NetworkSettings.Ports}}", "late"] },
  { args: ["inspect", "-f", "{{json .NetworkSettings.IPAddress}} {{.NetworkSettings.Networks.ours.IPAMConfig}}", "held"] },
  { args: ["tag", "nope", "x/y"] },
  { args: ["rmi", "nope"] },
  { args: ["save", "nope"] },
  { args: ["image", "inspect", "-f", "{{.Id}}", "nope"] },
  { args: ["inspect", "--type", "foo", "held"] },
  { args: ["unpause", "held"] },
  { args: ["rm", "held"] },
  { args: ["network", "create", "ours"] },
  { args: ["network", "create", "host"] },
  { args: ["cp", "held:/bin/sh", "/nope/dir/x"] },
  { args: ["cp", "held:/bin/sh", "/tmp/strata-test-nope/"] },
  { args: ["run", "-d", "--cidfile", "/nope/id", BOX_IMAGE, "true"] },
  { args: ["create", "--cidfile", "/nope/id", BOX_IMAGE, "true"] },
  { args: ["create", "--cidfile", "/etc", BOX_IMAGE, "true"] },
  { args: ["run", "--rm", "--network", "nope", BOX_IMAGE, "true"] },
  { args: ["run", "--rm", "--network", "none", "--pull", "never", "nope/nope", "true"] },
  { args: ["run", "--rm", "--add-host", "foo", BOX_IMAGE, "true"] },
  { args: ["run", "--rm", "--dns", "foo", BOX_IMAGE, "true"] },
  { args: ["run", "--nope"] },
  { args: ["create", "--nope"] },
  { args: ["start", "--nope"] },
  { args: ["exec", "--nope"] },
  { args: ["exec", "-z", "held", "true"] },
  { args: ["run", "--label"] },
  { args: ["container", "run", "--nope"] },
  { args: ["run", "--rm", "--network", "none", "--cpuset-cpus", "0-99", BOX_IMAGE, "true"] },
  { args: ["run", "--rm", "--network", "none", "--cpuset-mems", "9", BOX_IMAGE, "true"] },
  { args: ["run", "--rm", "--network", "none", "--cpuset-cpus", "1-", BOX_IMAGE, "true"] },
])("$args", async ({ args }) => {
  expect(await ours(...args)).toEqual(await theirs(...args));
});

test("exec in a container that is paused", async () => {
  await Promise.all([box.strata("pause", "held"), docker.docker("pause", "held")]);
  try {
    expect(await ours("exec", "held", "true")).toEqual(await theirs("exec", "held", "true"));
  } finally {
    await Promise.all([box.attempt("unpause", "held"), docker.docker("unpause", "held")]); // what is frozen outlives its engine
  }
});

// A wrong use ends with 125 wherever a program's own status is passed on, and with 2 elsewhere: docker has 1 for some of them.
test.each([
  { args: ["run"], status: 125 },
  { args: ["create"], status: 125 },
  { args: ["start"], status: 125 },
  { args: ["exec", "held"], status: 125 },
  { args: ["logs"], status: 2 },
  { args: ["ps", "extra"], status: 2 },
  { args: ["rename", "held"], status: 2 },
  { args: ["network", "rm"], status: 2 },
  { args: ["rm", "--nope"], status: 2 },
])("wrong use: $args", async ({ args, status }) => {
  const { words } = await theirs(...args);
  expect(await ours(...args)).toEqual({ status, stdout: "", words });
});
