/** Mirrors as containerd, podman and docker are told of them: which hosts are asked, and what becomes of a pull when some are away or lie. */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { parse } from "smol-toml";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { readDaemonJson, readHostsToml, readRegistriesConf } from "../../registry/client/host-formats.ts";
import { planHosts, type MirrorRule } from "../../registry/client/host-plan.ts";
import { runStrata } from "../support/cli.ts";
import { temporaryRoot, type TemporaryRoot } from "../support/root.ts";
import { beginRange, rangeOf, serveImage, type FakeRegistry } from "./fake-registry.ts";
import { digestOf } from "../../store/digest.ts";
import { MEDIA_TYPE } from "../../store/oci.ts";
import { tarOf } from "./image.ts";
import { blob, manifestOf, noise } from "./registry.ts";

const conf = (text: string): readonly MirrorRule[] => readRegistriesConf(parse(text));
const hosts = (text: string, domain = "docker.io"): readonly MirrorRule[] => [readHostsToml(domain, parse(text))];
const daemon = (document: object): readonly MirrorRule[] => readDaemonJson(document);

interface Row {
  readonly name: string;
  readonly rules: readonly MirrorRule[];
  readonly image?: string;
  readonly byDigest?: boolean;
  /** `host/repository`, `!` behind an insecure one. */
  readonly want: readonly string[] | undefined;
}

const rows: readonly Row[] = [
  { name: "nothing said: the registry alone", rules: [], want: ["docker.io/library/a"] },
  {
    name: "containerd: mirrors in order, then the server",
    rules: hosts('server = "https://registry-1.docker.io"\n[host."https://m1.test"]\n[host."http://m2.test:5000"]\n  capabilities = ["pull", "resolve"]'),
    want: ["m1.test/library/a", "m2.test:5000/library/a!", "docker.io/library/a"],
  },
  { name: "containerd: another server", rules: hosts('server = "https://inside.test"'), want: ["inside.test/library/a"] },
  { name: "containerd: without resolve no tags are asked", rules: hosts('[host."https://m.test"]\ncapabilities = ["pull"]'), want: ["docker.io/library/a"] },
  {
    name: "containerd: but digests are",
    rules: hosts('[host."https://m.test"]\ncapabilities = ["pull"]'),
    byDigest: true,
    want: ["m.test/library/a", "docker.io/library/a"],
  },
  { name: "containerd: push only is no mirror", rules: hosts('[host."https://m.test"]\ncapabilities = ["push"]'), want: ["docker.io/library/a"] },
  { name: "containerd: skip_verify", rules: hosts('[host."https://m.test"]\nskip_verify = true'), want: ["m.test/library/a!", "docker.io/library/a"] },
  {
    name: "containerd: a project of a proxy",
    rules: hosts('[host."https://harbor.test/v2/hub"]\noverride_path = true'),
    want: ["harbor.test/hub/library/a", "docker.io/library/a"],
  },
  {
    name: "podman: mirrors of a registry",
    rules: conf(
      '[[registry]]\nlocation = "docker.io"\n[[registry.mirror]]\nlocation = "m.test/hub"\ninsecure = true\n[[registry.mirror]]\nlocation = "n.test"',
    ),
    want: ["m.test/hub/library/a!", "n.test/library/a", "docker.io/library/a"],
  },
  {
    name: "podman: the longest prefix, put elsewhere",
    rules: conf('[[registry]]\nprefix = "docker.io"\nlocation = "no.test"\n[[registry]]\nprefix = "docker.io/library"\nlocation = "yes.test/base"'),
    want: ["yes.test/base/a"],
  },
  { name: "podman: a prefix is whole parts", rules: conf('[[registry]]\nprefix = "docker.io/lib"\nlocation = "no.test"'), want: ["docker.io/library/a"] },
  {
    name: "podman: hosts below a domain",
    rules: conf('[[registry]]\nprefix = "*.corp.test"\nlocation = "hub.test"'),
    image: "x.corp.test/t/a",
    want: ["hub.test/t/a"],
  },
  { name: "podman: blocked", rules: conf('[[registry]]\nlocation = "docker.io"\nblocked = true'), want: undefined },
  { name: "podman: insecure", rules: conf('[[registry]]\nlocation = "docker.io"\ninsecure = true'), want: ["docker.io/library/a!"] },
  {
    name: "podman: mirrors by digest only, and for tags only",
    rules: conf(
      '[[registry]]\nlocation = "docker.io"\nmirror-by-digest-only = true\n[[registry.mirror]]\nlocation = "d.test"\n[[registry.mirror]]\nlocation = "t.test"\npull-from-mirror = "tag-only"',
    ),
    want: ["t.test/library/a", "docker.io/library/a"],
  },
  { name: "docker: mirrors are docker.io's", rules: daemon({ "registry-mirrors": ["https://m.test/"] }), want: ["m.test/library/a", "docker.io/library/a"] },
  { name: "docker: and nobody else's", rules: daemon({ "registry-mirrors": ["https://m.test"] }), image: "quay.io/a", want: ["quay.io/a"] },
  { name: "docker: insecure registries", rules: daemon({ "insecure-registries": ["quay.io", "10.0.0.0/8"] }), image: "quay.io/a", want: ["quay.io/a!"] },
];

test.each(rows)("hosts: $name", ({ rules, image = "docker.io/library/a", byDigest = false, want }) => {
  const slash = image.indexOf("/");
  const planned = planHosts({ domain: image.slice(0, slash), path: image.slice(slash + 1), byDigest }, [rules]);
  expect(planned?.map(({ host, repository, insecure }) => `${host}/${repository}${insecure ? "!" : ""}`)).toEqual(want);
});

test("the first source that knows a registry counts", () => {
  const [first, second] = [conf('[[registry]]\nlocation = "quay.io"\ninsecure = true'), daemon({ "registry-mirrors": ["https://m.test"] })];
  expect(planHosts({ domain: "docker.io", path: "a", byDigest: false }, [first, second])).toHaveLength(2);
  expect(planHosts({ domain: "quay.io", path: "a", byDigest: false }, [first, second])).toEqual([
    { host: "quay.io", repository: "a", insecure: true, isMirror: false },
  ]);
});

describe("pulls through mirrors", () => {
  const image = imageOf(20 << 20);
  let root: TemporaryRoot;
  let home: string;

  beforeEach(() => {
    root = temporaryRoot();
    home = join(root.root, "../home");
  });
  afterEach(() => root[Symbol.dispose]());

  function write(file: string, text: string): void {
    const path = join(home, ".config", file);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }

  async function pull(name: string, ...flags: readonly string[]): Promise<{ readonly status: number; readonly stderr: string }> {
    return await runStrata(root, ["pull", "-q", ...flags, name], {
      env: { HOME: home, XDG_CONFIG_HOME: join(home, ".config"), XDG_RUNTIME_DIR: join(home, "run") },
    });
  }

  const told: readonly { readonly name: string; readonly tell: (mirror: string) => void; readonly of?: string }[] = [
    { name: "containerd's hosts.toml", tell: (mirror) => write("containerd/certs.d/away.test/hosts.toml", `[host."http://${mirror}"]\n`) },
    {
      name: "podman's registries.conf",
      tell: (mirror) => write("containers/registries.conf", `[[registry]]\nlocation = "away.test"\n[[registry.mirror]]\nlocation = "${mirror}"\n`),
    },
    {
      name: "docker's daemon.json",
      tell: (mirror) => write("docker/daemon.json", JSON.stringify({ "registry-mirrors": [`http://${mirror}`] })),
      of: "docker.io",
    },
  ];
  test.each(told)("$name: a registry that is away is not missed", async ({ tell, of = "away.test" }) => {
    const { top, parts } = await image;
    await using mirror = await serveImage(top, parts);
    tell(mirror.host);
    expect(await pull(`${of}/team/app:v1`)).toMatchObject({ status: 0, stderr: "" });
    expect(mirror.asked).toContain("GET /v2/team/app/manifests/v1");
  });

  test("a mirror that is away or has nothing is passed over, one that breaks off in a blob is relieved where it stopped", async () => {
    const { top, parts, layer } = await image;
    await using empty = await serveImage(blob("{}"), [], (_request, response) => response.writeHead(404).end() !== undefined);
    const BREAK = 8 << 20;
    await using weak = await serveImage(top, parts, (request, response, part) => {
      if (part !== layer || rangeOf(request, part).end <= BREAK) return false;
      const bytes = beginRange(request, response, part);
      response.write(bytes.subarray(0, Math.max(0, BREAK - rangeOf(request, part).start)), () => setTimeout(() => response.destroy(), 20));
      return true;
    });
    const ranges: number[] = [];
    await using own: FakeRegistry = await serveImage(top, parts, (request, response, part) => {
      if (part !== layer) return false;
      ranges.push(rangeOf(request, part).start);
      response.end(beginRange(request, response, part));
      return true;
    });
    const flags = ["127.0.0.1:1", empty.host, `http://${weak.host}/`].flatMap((mirror) => ["--mirror", mirror]);
    expect(await pull(`${own.host}/app:v1`, ...flags)).toMatchObject({ status: 0, stderr: "" });
    expect(empty.asked).toContain("GET /v2/app/manifests/v1");
    expect(Math.min(...ranges)).toBe(BREAK);
    expect(own.asked.filter((line) => line.includes("/manifests/"))).toEqual([]);
  });

  test("what no host has is said as the registry says it, and what the mirrors said beside it", async () => {
    await using empty = await serveImage(blob("{}"), []);
    const { status, stderr } = await pull(`${empty.host}/app:v9`, "--mirror", "127.0.0.1:1");
    expect([status, stderr]).toEqual([1, expect.stringContaining(`Cannot find ${empty.host}/app:v9`)]);
    expect(stderr).toContain("A mirror was asked before: Cannot reach 127.0.0.1:1");
  });

  test("the password of the registry is not told to a mirror", async () => {
    const { top, parts } = await image;
    const heard: (string | undefined)[] = [];
    await using curious = await serveImage(top, parts, (request, response) => {
      heard.push(request.headers.authorization);
      response.writeHead(401, { "www-authenticate": 'Basic realm="mine"' }).end();
      return true;
    });
    await using own = await serveImage(top, parts, (request, response) => {
      if (request.headers.authorization === `Basic ${Buffer.from("ann:secret").toString("base64")}`) return false;
      response.writeHead(401, { "www-authenticate": 'Basic realm="own"' }).end();
      return true;
    });
    expect(await pull(`${own.host}/app:v1`, "--creds", "ann:secret", "--mirror", curious.host)).toMatchObject({ status: 0 });
    expect([heard.length > 0, heard.filter((authorization) => authorization !== undefined)]).toEqual([true, []]);
  });

  test("a file that cannot be read, or that blocks, ends in words", async () => {
    write("containers/registries.conf", "[[registry\n");
    expect(await pull("away.test/app:v1")).toMatchObject({ status: 1, stderr: expect.stringMatching(/Cannot read .*registries\.conf: /) });
    write("containers/registries.conf", '[[registry]]\nlocation = "away.test"\nblocked = true\n');
    expect(await pull("away.test/app:v1")).toMatchObject({ status: 1, stderr: expect.stringContaining("registries.conf blocks it") });
  });
});

async function imageOf(bytes: number) {
  const tar = await tarOf({ big: Buffer.concat(Array.from({ length: bytes >> 20 }, () => noise(1 << 20))) });
  const layer = blob(tar, MEDIA_TYPE.layerTar);
  const config = blob(JSON.stringify({ architecture: "amd64", os: "linux", rootfs: { type: "layers", diff_ids: [digestOf(tar)] } }), MEDIA_TYPE.config);
  return { top: manifestOf(config, [layer]), parts: [config, layer], layer };
}
