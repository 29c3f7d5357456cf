/** Caches that travel: what one machine built, a fresh one finds. Each machine here is a root of its own. */
import { execFile, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";
import { join } from "node:path";
import { promisify } from "node:util";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openStore } from "../../store/open.ts";
import { startRegistry, type TestRegistry } from "../registry/registry.ts";
import { runStrata } from "../support/cli.ts";
import { testImage } from "../support/image.ts";
import { eventually, settled } from "../support/cluster.ts";
import { leftovers } from "../support/leftovers.ts";
import { temporaryFolder, temporaryRoot, type TemporaryRoot, treeTool } from "../support/root.ts";

const TWO_STAGES = [
  "FROM strata-test/tools AS build",
  "COPY file /f",
  "RUN cat /f /f > /g",
  "FROM strata-test/tools",
  "WORKDIR /w",
  "COPY --from=build /g /g",
  "RUN cat /g > /h",
].join("\n");

let folder: string;
let registry: TestRegistry;
let foreign: { readonly host: string; stop(): Promise<void> };
const machines: TemporaryRoot[] = [];

beforeAll(async () => {
  folder = temporaryFolder();
  mkdirSync(join(folder, "context"));
  writeFileSync(join(folder, "context/file"), "content\n");
  const store = await openStore({ root: join(folder, "base"), treeTool });
  await testImage(store);
  await store[Symbol.asyncDispose]();
  registry = await startRegistry({ logFormat: "none" });
  foreign = await startForeign();
});
afterAll(async () => {
  await registry[Symbol.asyncDispose]();
  await foreign.stop();
  const left = await settled(() => machines.flatMap((machine) => leftovers(machine)));
  for (const machine of machines) machine[Symbol.dispose]();
  rmSync(folder, { recursive: true, force: true });
  expect(left).toEqual([]);
});

async function startForeign(): Promise<typeof foreign> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  server.close();
  await once(server, "close");
  const config = join(folder, "registry.yml");
  writeFileSync(config, `version: 0.1\nstorage:\n  filesystem:\n    rootdirectory: ${join(folder, "docker-registry")}\nhttp:\n  addr: ${host}\n`);
  const child = spawn("docker-registry", ["serve", config], { stdio: "ignore" });
  await eventually(async () => expect((await fetch(`http://${host}/v2/`)).status).toBe(200));
  return { host, stop: async () => void (child.kill("SIGKILL"), await once(child, "exit")) };
}

/** A root that knows nothing. */
function emptyMachine(): TemporaryRoot {
  const machine = temporaryRoot();
  machines.push(machine);
  return machine;
}

/** A root that knows the base image and nothing else. */
function freshMachine(): TemporaryRoot {
  const machine = emptyMachine();
  cpSync(join(folder, "base"), machine.root, { recursive: true });
  return machine;
}

interface Built {
  readonly id: string;
  readonly log: string;
  /** Steps by what became of them, without their numbers. */
  readonly cached: readonly string[];
  readonly made: readonly string[];
  /** Layers that came from a cache. */
  readonly loaded: number;
}

async function build(machine: TemporaryRoot, dockerfile: string, ...flags: readonly string[]): Promise<Built> {
  const iid = join(folder, "iid");
  const { status, stderr } = await runStrata(machine, ["build", "--progress", "plain", "--iidfile", iid, "-f", "-", ...flags, join(folder, "context")], {
    input: dockerfile,
  });
  expect(stderr).not.toMatch(/ERROR/);
  expect(status).toBe(0);
  const names = new Map(
    [...stderr.matchAll(/^#(\d+) (?!\d|CACHED|DONE|CANCELED|EXPLAIN|transferring|sha256:)(.*)$/gm)].map(([, number = "", name = ""]) => [number, name]),
  );
  const ended = (word: string): string[] =>
    [...stderr.matchAll(new RegExp(`^#(\\d+) ${word}.*$`, "gm"))].flatMap(([, number = ""]) => {
      const step = /^\[(?!internal)[^\]]*\] (?!FROM)(.*)$/.exec(names.get(number) ?? "")?.[1];
      return step === undefined ? [] : [step];
    });
  return {
    id: readFileSync(iid, "utf8"),
    log: stderr,
    cached: ended("CACHED").sort(),
    made: ended("DONE").sort(),
    loaded: [...names.values()].filter((name) => name.includes("load layer")).length,
  };
}

const ALL = ["COPY --from=build /g /g", "COPY file /f", "RUN cat /f /f > /g", "RUN cat /g > /h", "WORKDIR /w"];

/** name, --cache-to, --cache-from */
const ways = (): readonly (readonly [string, string, string])[] => [
  ["our registry, max", `type=registry,ref=${registry.host}/c:max,mode=max`, `type=registry,ref=${registry.host}/c:max`],
  ["our registry, min", `type=registry,ref=${registry.host}/c:min`, `${registry.host}/c:min`],
  ["our registry, an index", `type=registry,ref=${registry.host}/c:index,image-manifest=false,mode=max`, `${registry.host}/c:index`],
  ["our registry, zstd", `type=registry,ref=${registry.host}/c:zstd,compression=zstd,compression-level=7,mode=max`, `${registry.host}/c:zstd`],
  ["our registry, uncompressed", `type=registry,ref=${registry.host}/c:plain,compression=uncompressed`, `${registry.host}/c:plain`],
  ["docker-registry, max", `type=registry,ref=${foreign.host}/c:max,mode=max`, `type=registry,ref=${foreign.host}/c:max`],
  ["docker-registry, docker's types", `type=registry,ref=${foreign.host}/c:docker,oci-mediatypes=false`, `type=registry,ref=${foreign.host}/c:docker`],
  ["a folder", `type=local,dest=${join(folder, "cache")},mode=max,tag=one`, `type=local,src=${join(folder, "cache")},tag=one`],
];

describe("A fresh machine runs nothing", () => {
  let first: TemporaryRoot;
  let id: string;
  beforeAll(async () => {
    first = freshMachine();
    const built = await build(first, TWO_STAGES);
    expect(built.made).toEqual(ALL);
    id = built.id;
  });

  test("with a cache of each kind", async () => {
    for (const [name, to, from] of ways()) {
      expect((await build(first, TWO_STAGES, "--cache-to", to)).id, name).toBe(id);
      const there = await build(freshMachine(), TWO_STAGES, "--cache-from", from);
      expect([name, there.id, there.cached, there.made, there.loaded]).toEqual([name, id, ALL, [], 3]); // layers of the other stage do not travel
    }
  }, 300_000);

  test("with an inline cache, also when no layer of the other stage is in it", async () => {
    const image = `${registry.host}/app:v1`;
    const pushed = await build(first, TWO_STAGES, "--cache-to", "type=inline", "-t", image, "--push");
    const there = await build(freshMachine(), TWO_STAGES, "--cache-from", image, "--build-arg", "BUILDKIT_INLINE_CACHE=1");
    expect([there.id, there.cached, there.made]).toEqual([pushed.id, ALL, []]);
  });

  test("with a cache that skopeo copied twice", async () => {
    await build(first, TWO_STAGES, "--cache-to", `type=registry,ref=${registry.host}/s:one,mode=max`);
    const copy = async (from: string, to: string): Promise<unknown> =>
      await promisify(execFile)("skopeo", ["copy", "-q", "--src-tls-verify=false", "--dest-tls-verify=false", from, to]); // not synchronous: our registry is in this process
    await copy(`docker://${registry.host}/s:one`, `oci:${join(folder, "copied")}:two`);
    await copy(`oci:${join(folder, "copied")}:two`, `docker://${foreign.host}/s:three`);
    const there = await build(freshMachine(), TWO_STAGES, "--cache-from", `${foreign.host}/s:three`);
    expect([there.id, there.made]).toEqual([id, []]);
  });

  test("and leaves a cache of its own that is as good, though it never had the layers of the other stage", async () => {
    const [one, two] = [`${registry.host}/chain:one`, `${foreign.host}/chain:two`];
    await build(first, TWO_STAGES, "--cache-to", `type=registry,ref=${one},mode=max`);
    await build(freshMachine(), TWO_STAGES, "--cache-from", one, "--cache-to", `type=registry,ref=${two},mode=max`);
    const changed = TWO_STAGES.replace("COPY --from=build /g /g", "COPY --from=build /f /g");
    const there = await build(freshMachine(), changed, "--cache-from", two);
    expect(there.made).toEqual(["COPY --from=build /f /g", "RUN cat /g > /h"]);
  });

  test("a second time without the cache, and with several of which one is missing", async () => {
    const there = freshMachine();
    await build(first, TWO_STAGES, "--cache-to", `type=registry,ref=${registry.host}/again:max,mode=max`);
    const built = await build(there, TWO_STAGES, "--cache-from", `${registry.host}/none:x`, "--cache-from", `${registry.host}/again:max`);
    expect([built.made, /WARNING: cache .*none:x is not used/.test(built.log)]).toEqual([[], true]);
    expect(
      (await build(there, TWO_STAGES.replace(" AS build", " AS build\nLABEL a=b"))).made.filter((step) => step.includes("/h") || step === "WORKDIR /w"),
    ).toEqual([]);
  });
});

test("A step whose layer a min cache only promises is made when its files are wanted", async () => {
  const from = `${registry.host}/promise:min`;
  await build(freshMachine(), TWO_STAGES, "--cache-to", `type=registry,ref=${from}`);
  const there = await build(freshMachine(), TWO_STAGES.replace("COPY --from=build /g /g", "COPY --from=build /f /g"), "--cache-from", from);
  expect(there.made).toEqual(["COPY --from=build /f /g", "COPY file /f", "RUN cat /f /f > /g", "RUN cat /g > /h"]);
});

describe("A cache that lies is a miss", () => {
  const PLAIN = "FROM scratch\nCOPY file /f\n";
  let honest: string;
  let id: string;
  beforeAll(async () => {
    honest = join(folder, "honest");
    id = (await build(emptyMachine(), PLAIN, "--cache-to", `type=local,dest=${honest}`)).id;
  });

  /** name, what is done to the layout, what is said */
  const lies: readonly (readonly [string, (layout: Layout) => void, RegExp])[] = [
    ["a layer's bytes are others", (layout) => layout.replace(layout.layer(), Buffer.from("rubbish")), /Cannot use cached layer/],
    ["a layer is gone", (layout) => rmSync(layout.path(layout.layer())), /Cannot use cached layer/],
    [
      "a layer is another one, under a digest of its own",
      (layout) => {
        const evil = layout.add(gzipSync(Buffer.alloc(1024)));
        layout.change(({ layers }) => ({ layers: [{ ...layers[0]!, digest: evil, size: layout.size(evil) }] }));
      },
      /Cannot use cached layer/,
    ],
    [
      "a layer is of a kind that nothing unpacks",
      (layout) => layout.change(({ layers }) => ({ layers: [{ ...layers[0]!, mediaType: "text/plain" }] })),
      /Cannot use cached layer/,
    ],
    ["the document is of another version", (layout) => layout.document((document) => ({ ...document, version: 9 })), /not one that this version writes/],
    [
      "a layer stands on itself",
      (layout) => layout.document((document) => ({ ...document, layers: [{ ...(document["layers"] as object[])[0], parent: 0 }] })),
      /stands on nothing/,
    ],
    ["a step has no layer", (layout) => layout.document((document) => ({ ...document, layers: [] })), /has no layer/],
    [
      "the document is no JSON",
      (layout) => layout.change(({ config }) => ({ config: { ...config, digest: layout.add(Buffer.from("x")), size: 1 } })),
      /no JSON/,
    ],
    ["the document has another digest", (layout) => layout.replace(layout.manifest().config.digest, Buffer.from("{}")), /digest|bytes/],
  ];

  test.each(lies)("%s", async (name, lie, said) => {
    const at = join(folder, `lie-${createHash("sha256").update(name).digest("hex").slice(0, 8)}`);
    cpSync(honest, at, { recursive: true });
    lie(new Layout(at));
    const machine = emptyMachine();
    const built = await build(machine, PLAIN, "--cache-from", `type=local,src=${at}`);
    expect(built.log).toMatch(said);
    expect([built.id, built.made]).toEqual([id, ["COPY file /f"]]);
    expect((await build(machine, PLAIN)).id).toBe(id); // nothing of the lie stayed
  });

  test("no cache at all, an image without one, and nobody who answers", async () => {
    const machine = emptyMachine();
    await build(machine, PLAIN, "-t", `${registry.host}/plain:v1`, "--push");
    for (const from of [`type=local,src=${join(folder, "nowhere")}`, `${registry.host}/plain:v1`, "127.0.0.1:1/none"]) {
      expect((await build(emptyMachine(), PLAIN, "--cache-from", from)).log).toMatch(/WARNING: cache .* is not used/);
    }
  });
});

test("An export that fails is an error, or with ignore-error a warning", async () => {
  const machine = emptyMachine();
  const run = async (more: string): Promise<{ readonly status: number; readonly stderr: string }> =>
    await runStrata(machine, ["build", "--progress", "plain", "-f", "-", "--cache-to", `type=registry,ref=127.0.0.1:1/x${more}`, join(folder, "context")], {
      input: "FROM scratch\nCOPY file /f\n",
    });
  expect((await run("")).status).toBe(1);
  const ignored = await run(",ignore-error=true");
  expect([ignored.status, /WARNING: the cache was not exported/.test(ignored.stderr)]).toEqual([0, true]);
});

/** flags, message */
const refusals: readonly (readonly [readonly string[], RegExp])[] = [
  [["--cache-to", "type=gha"], /caches of that service are not supported/],
  [["--cache-to", "type=local"], /needs dest=FOLDER/],
  [["--cache-to", "type=registry,ref=x,mode=most"], /expected min or max/],
  [["--cache-to", "type=registry,ref=x,compression=lzma"], /expected uncompressed, gzip, zstd/],
  [["--cache-to", "type=registry,ref=x,compression-level=40"], /levels 0 to 9/],
  [["--cache-to", "type=registry,ref=x,ignore-error=maybe"], /expected true or false/],
  [["--cache-to", "type=registry,ref=x,image-manifest=true,oci-mediatypes=false"], /needs oci-mediatypes=true/],
  [["--cache-to", "type=inline,mode=max"], /Cannot use mode/],
  [["--cache-from", "type=inline"], /name that by type=registry/],
  [["--cache-from", "type=local,dest=x"], /Cannot use dest/],
  [["--cache-from", "type=registry"], /needs ref=REFERENCE/],
];

test.each(refusals)("%j is refused with exit 2", async (flags, message) => {
  const machine = emptyMachine();
  const { status, stderr } = await runStrata(machine, ["build", "-f", "-", ...flags, join(folder, "context")], { input: "FROM scratch\n" });
  expect(stderr).toMatch(message);
  expect(status).toBe(2);
});

interface CacheManifest {
  readonly config: { readonly digest: string; readonly size: number };
  readonly layers: readonly { readonly digest: string; readonly size: number; readonly mediaType: string }[];
}

/** An exported cache on disk, to be tampered with. */
class Layout {
  readonly #folder: string;

  constructor(at: string) {
    this.#folder = at;
  }

  path(digest: string): string {
    return join(this.#folder, "blobs", digest.replace(":", "/"));
  }

  size(digest: string): number {
    return readFileSync(this.path(digest)).length;
  }

  manifest(): CacheManifest {
    return JSON.parse(readFileSync(this.path(this.#top()), "utf8")) as CacheManifest;
  }

  layer(): string {
    return this.manifest().layers[0]?.digest ?? "";
  }

  replace(digest: string, bytes: Buffer): void {
    writeFileSync(this.path(digest), bytes);
  }

  add(bytes: Buffer): string {
    const digest = `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
    writeFileSync(this.path(digest), bytes);
    return digest;
  }

  /** A new manifest, honest about itself. */
  change(change: (manifest: CacheManifest) => Partial<CacheManifest>): void {
    const manifest = this.manifest();
    const digest = this.add(Buffer.from(JSON.stringify({ ...manifest, ...change(manifest) })));
    const index = JSON.parse(readFileSync(join(this.#folder, "index.json"), "utf8")) as { manifests: object[] };
    writeFileSync(join(this.#folder, "index.json"), JSON.stringify({ ...index, manifests: [{ ...index.manifests[0], digest, size: this.size(digest) }] }));
  }

  document(change: (document: Record<string, unknown>) => Record<string, unknown>): void {
    const document = JSON.parse(readFileSync(this.path(this.manifest().config.digest), "utf8")) as Record<string, unknown>;
    const digest = this.add(Buffer.from(JSON.stringify(change(document))));
    this.change(({ config }) => ({ config: { ...config, digest, size: this.size(digest) } }));
  }

  #top(): string {
    return (JSON.parse(readFileSync(join(this.#folder, "index.json"), "utf8")) as { manifests: { digest: string }[] }).manifests[0]?.digest ?? "";
  }
}
