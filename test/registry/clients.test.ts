/** Every real client against every way to be let in: pull, push, several platforms, delete; and another registry as the peer. */
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { networkInterfaces } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { hashSync } from "bcryptjs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createAuthority, issueCertificate } from "../../http/certificate.ts";
import { digestOf } from "../../store/digest.ts";
import { MEDIA_TYPE, type Descriptor } from "../../store/oci.ts";
import { runStrata } from "../support/cli.ts";
import { startContainerd, type Containerd } from "../support/containerd.ts";
import { startDockerd, type Dockerd } from "../support/dockerd.ts";
import { podmanStore } from "../support/podman.ts";
import { temporaryRoot, type TemporaryRoot } from "../support/root.ts";
import { writeLayout } from "./image.ts";
import { blob, certificateFiles, manifestOf, pushBlob, putManifest, startRegistry, type TestRegistry } from "./registry.ts";

const run = promisify(execFile);
const USER = "ann";
const PASSWORD = "s:ecret";
const ADDRESS = ownAddress();

interface Place {
  readonly name: string;
  readonly host: string;
  readonly url: string;
  readonly registry: TestRegistry;
  /** By TLS and passwords. */
  readonly isGuarded: boolean;
  /** False: clients do not say who they are. */
  readonly isKnown: boolean;
}

let scratch: TemporaryRoot;
let docker: Dockerd;
let containerd: Containerd;
let layout: string;
let top: Descriptor;
let ca: string;
const places = new Map<string, Place>();
const KINDS = ["anonymous", "htpasswd over TLS", "tokens over TLS"] as const;
type Kind = (typeof KINDS)[number];

beforeAll(async () => {
  scratch = temporaryRoot();
  const at = (name: string): string => join(scratch.root, "..", name);
  const authority = createAuthority("strata test authority");
  const pair = issueCertificate(authority, { commonName: "registry", names: [ADDRESS, "127.0.0.1"], usage: "server" });
  const htpasswd = at("htpasswd");
  const policy = at("policy.yaml");
  writeFileSync(htpasswd, `${USER}:${hashSync(PASSWORD, 4)}\n`);
  writeFileSync(policy, `rules: [{ users: [${USER}], repositories: ["**"], actions: ["*"] }]\n`);
  const tls = certificateFiles(scratch.root, pair);
  const guarded = { host: ADDRESS, tls, htpasswd, logFormat: "none" } as const;
  const registries = await Promise.all([startRegistry({ logFormat: "none" }), startRegistry(guarded), startRegistry({ ...guarded, policy })]);
  KINDS.forEach((name, index) => {
    const registry = registries[index]!;
    const host = index === 0 ? registry.host : registry.host.replace("127.0.0.1", ADDRESS);
    places.set(name, { name, registry, host, url: `http${index === 0 ? "" : "s"}://${host}`, isGuarded: index > 0, isKnown: index > 0 });
  });
  ca = authority.certificate;
  for (const { host, isGuarded } of places.values()) if (isGuarded) trust(host);
  layout = at("layout");
  top = await writeLayout(layout, ["amd64", "arm64"]);
  [docker, containerd] = await Promise.all([startDockerd({ etc: at("etc-docker") }), startContainerd()]);
  for (const place of places.values()) {
    await skopeo("copy", "--all", ...skopeoFlags(place, "dest"), `oci:${layout}:v1`, `docker://${place.host}/seed/image:v1`);
    if (place.isGuarded) await docker.docker("login", "-u", USER, "-p", PASSWORD, place.host);
  }
}, 300_000);

afterAll(async () => {
  await Promise.all([docker, containerd].map(async (daemon) => await daemon?.[Symbol.asyncDispose]()));
  for (const { registry } of places.values()) {
    expect(registry.lines.filter((line) => line.startsWith("bug"))).toEqual([]);
    await registry[Symbol.asyncDispose]();
  }
  scratch[Symbol.dispose]();
});

/** Not loopback: docker trusts every certificate there, and TLS would be shown by nothing. */
function ownAddress(): string {
  const found = Object.values(networkInterfaces())
    .flatMap((list) => list ?? [])
    .find(({ family, internal }) => family === "IPv4" && !internal);
  if (found === undefined) throw new Error("Cannot show clients over TLS: this machine has no address but loopback");
  return found.address;
}

/** The authority, where each client looks for it. */
function trust(host: string): void {
  for (const folder of ["etc-docker/certs.d", "home/.config/containers/certs.d"].map((name) => join(scratch.root, "..", name, host))) {
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, "ca.crt"), ca);
  }
}

function certificates({ host }: Place): string {
  return join(scratch.root, "../home/.config/containers/certs.d", host);
}

async function skopeo(...args: readonly string[]): Promise<string> {
  return (await run("skopeo", args, { env: { ...process.env, REGISTRY_AUTH_FILE: join(scratch.root, "none.json") } })).stdout.trim();
}

function skopeoFlags(place: Place, end?: "src" | "dest"): readonly string[] {
  const prefix = end === undefined ? "--" : `--${end}-`;
  if (!place.isGuarded) return [`${prefix}tls-verify=false`];
  return [`${prefix}cert-dir`, certificates(place), ...(place.isKnown ? [`${prefix}creds`, `${USER}:${PASSWORD}`] : [])];
}

async function podman(...args: readonly string[]): Promise<string> {
  return (await run("podman", [...podmanStore(join(scratch.root, "..")), ...args])).stdout.trim();
}

function podmanFlags(place: Place): readonly string[] {
  return place.isGuarded ? ["--cert-dir", certificates(place), ...(place.isKnown ? ["--creds", `${USER}:${PASSWORD}`] : [])] : ["--tls-verify=false"];
}

function ctrFlags(place: Place): readonly string[] {
  return place.isGuarded ? ["--tlscacert", join(certificates(place), "ca.crt"), ...(place.isKnown ? ["--user", `${USER}:${PASSWORD}`] : [])] : ["--plain-http"];
}

async function strata(...args: readonly string[]): Promise<string> {
  const outcome = await runStrata(scratch, args, { env: { HOME: join(scratch.root, "../home"), DOCKER_CONFIG: join(scratch.root, "../home/.docker") } });
  if (outcome.status !== 0) throw new Error(outcome.stderr);
  return outcome.stdout.trim();
}

interface Client {
  readonly name: string;
  /** Pulls `from` and pushes it as `to`. */
  readonly passOn: (place: Place, from: string, to: string) => Promise<void>;
  /** As that, with every platform; undefined where it cannot. */
  readonly passOnAll?: (place: Place, from: string, to: string) => Promise<void>;
  /** Fails when `name` is not there, or nobody may see it. */
  readonly look: (place: Place, name: string) => Promise<unknown>;
}

const clients: readonly Client[] = [
  {
    name: "docker",
    async passOn(_, from, to) {
      await docker.docker("pull", "-q", from);
      await docker.docker("tag", from, to);
      await docker.docker("push", "-q", to);
    },
    look: async (_, name) => await docker.docker("pull", "-q", name),
  },
  {
    name: "podman",
    async passOn(place, from, to) {
      const id = await podman("pull", "-q", ...podmanFlags(place), from);
      await podman("push", "-q", ...podmanFlags(place), id, to);
    },
    async passOnAll(place, from, to) {
      const list = `list-${to.replaceAll(/\W/g, "-")}`;
      await podman("manifest", "create", list);
      await podman("manifest", "add", "--all", ...podmanFlags(place), list, `docker://${from}`);
      await podman("manifest", "push", "-q", "--all", "--format", "oci", ...podmanFlags(place), list, `docker://${to}`);
    },
    look: async (place, name) => await podman("pull", "-q", ...podmanFlags(place), name),
  },
  {
    name: "skopeo",
    passOn: async (place, from, to) =>
      void (await skopeo("copy", ...skopeoFlags(place, "src"), ...skopeoFlags(place, "dest"), `docker://${from}`, `docker://${to}`)),
    passOnAll: async (place, from, to) =>
      void (await skopeo("copy", "--all", ...skopeoFlags(place, "src"), ...skopeoFlags(place, "dest"), `docker://${from}`, `docker://${to}`)),
    look: async (place, name) => await skopeo("inspect", ...skopeoFlags(place), `docker://${name}`),
  },
  {
    name: "containerd",
    async passOn(place, from, to) {
      await containerd.ctr("images", "pull", "--snapshotter", "native", "--platform", "linux/amd64", ...ctrFlags(place), from);
      await containerd.ctr("images", "push", "--platform", "linux/amd64", ...ctrFlags(place), to, from);
    },
    async passOnAll(place, from, to) {
      await containerd.ctr("content", "fetch", "--all-platforms", ...ctrFlags(place), from);
      await containerd.ctr("images", "push", ...ctrFlags(place), to, from);
    },
    look: async (place, name) => await containerd.ctr("content", "fetch", "--platform", "linux/amd64", ...ctrFlags(place), name),
  },
  {
    name: "strata",
    async passOn(place, from, to) {
      if (place.isGuarded) writeLogin(place);
      await strata("copy", "-q", "--platform", "linux/amd64", `docker://${from}`, `docker://${to}`);
    },
    passOnAll: async (_, from, to) => void (await strata("copy", "-q", "--all", `docker://${from}`, `docker://${to}`)),
    look: async (_, name) => await strata("registry", "manifest", name),
  },
];

function writeLogin({ host }: Place): void {
  const folder = join(scratch.root, "../home/.docker");
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "config.json"), JSON.stringify({ auths: { [host]: { auth: Buffer.from(`${USER}:${PASSWORD}`).toString("base64") } } }));
}

interface Fetched {
  readonly digest: string;
  readonly config?: Descriptor;
  readonly manifests?: readonly Descriptor[];
}

/** What the registry has under that name. */
async function there(place: Place, name: string): Promise<Fetched> {
  const raw = await skopeo("inspect", "--raw", ...skopeoFlags(place), `docker://${name}`);
  return { ...(JSON.parse(raw) as Omit<Fetched, "digest">), digest: digestOf(Buffer.from(raw)) };
}

describe.each(KINDS)("%s", (kind: Kind) => {
  test.each(clients)(
    "$name pulls, pushes, and finds what was deleted gone",
    async ({ name, passOn, look }) => {
      const place = places.get(kind)!;
      const [from, to] = [`${place.host}/seed/image:v1`, `${place.host}/by/${name}:v1`];
      await passOn(place, from, to);
      const { manifests = [] } = await there(place, from);
      const amd64 = await there(place, `${place.host}/seed/image@${manifests[0]!.digest}`);
      expect((await there(place, to)).config?.digest).toBe(amd64.config?.digest);
      await look(place, to);
      await skopeo("delete", ...skopeoFlags(place), `docker://${to}`);
      await expect(look(place, to)).rejects.toThrow(/not found|unknown|cannot find|404/i);
    },
    300_000,
  );

  test.each(clients.filter(({ passOnAll }) => passOnAll !== undefined))(
    "$name takes every platform along, digest for digest",
    async ({ name, passOnAll }) => {
      const place = places.get(kind)!;
      const to = `${place.host}/all/${name}:v1`;
      await passOnAll?.(place, `${place.host}/seed/image:v1`, to);
      const [mine, seed] = [await there(place, to), await there(place, `${place.host}/seed/image:v1`)];
      expect(seed.digest).toBe(top.digest);
      expect(mine.manifests?.map(({ digest }) => digest)).toEqual(seed.manifests?.map(({ digest }) => digest));
    },
    300_000,
  );
});

test("docker makes a list of two platforms and pulls the other one", async () => {
  const { host } = places.get("anonymous")!;
  const list = `${host}/list/docker:v1`;
  const { manifests = [] } = await there(places.get("anonymous")!, `${host}/seed/image:v1`);
  for (const [index, { digest }] of manifests.entries()) {
    const flags = ["--src-tls-verify=false", "--dest-tls-verify=false", "--format", "v2s2"]; // this docker's lists know no others
    await skopeo("copy", ...flags, `docker://${host}/seed/image@${digest}`, `docker://${host}/list/docker:p${index}`);
  }
  await docker.docker("manifest", "create", "--insecure", list, `${host}/list/docker:p0`, `${host}/list/docker:p1`);
  await docker.docker("manifest", "push", "--insecure", list);
  await docker.docker("pull", "-q", "--platform", "linux/arm64", list);
  expect(await docker.docker("image", "inspect", "--format", "{{.Architecture}}", list)).toBe("arm64");
}, 300_000);

test.each(clients)(
  "without a login $name is kept out, in words",
  async ({ name, look }) => {
    const place = { ...places.get("tokens over TLS")!, isKnown: false };
    if (name === "docker") await docker.docker("logout", place.host);
    rmSync(join(scratch.root, "../home/.docker"), { recursive: true, force: true });
    await expect(look(place, `${place.host}/seed/image:v1`)).rejects.toThrow(
      /unauthorized|authentication required|access denied|authorization failed|strata login/i,
    );
  },
  60_000,
);

test("skopeo brings an artifact that refers to an image, and it is listed", async () => {
  const place = places.get("anonymous")!;
  const config = blob("{}", MEDIA_TYPE.config);
  const subject = { mediaType: MEDIA_TYPE.index, digest: top.digest, size: top.size };
  const artifact = manifestOf(config, [], { subject, artifactType: "application/vnd.example.sbom", annotations: { by: "skopeo" } });
  await pushBlob(place, "made/elsewhere", config);
  await putManifest(place, "made/elsewhere", "sbom", artifact);
  const flags = ["--src-tls-verify=false", "--dest-tls-verify=false"];
  await skopeo("copy", "--preserve-digests", ...flags, `docker://${place.host}/made/elsewhere:sbom`, `docker://${place.host}/seed/image:sbom`);
  const reply = await fetch(`${place.url}/v2/seed/image/referrers/${top.digest}?artifactType=application%2Fvnd.example.sbom`);
  expect(await reply.json()).toMatchObject({
    manifests: [{ digest: artifact.descriptor.digest, artifactType: "application/vnd.example.sbom", annotations: { by: "skopeo" } }],
  });
});

test.each(["skopeo", "strata"])(
  "%s copies between Debian's docker-registry and this one, both ways",
  async (by) => {
    const { host } = places.get("anonymous")!;
    await using peer = await startPeer();
    const copy = async (from: string, to: string): Promise<unknown> =>
      by === "strata"
        ? await strata("copy", "-q", "--all", `docker://${from}`, `docker://${to}`)
        : await skopeo("copy", "--all", "--src-tls-verify=false", "--dest-tls-verify=false", `docker://${from}`, `docker://${to}`);
    await copy(`${host}/seed/image:v1`, `${peer.host}/over/there:v1`);
    await copy(`${peer.host}/over/there:v1`, `${host}/back/${by}:v1`);
    const names = [`${host}/seed/image:v1`, `${peer.host}/over/there:v1`, `${host}/back/${by}:v1`];
    const digests = await Promise.all(names.map(async (name) => (await there(places.get("anonymous")!, name)).digest));
    expect(new Set(digests)).toEqual(new Set([top.digest]));
  },
  60_000,
);

async function startPeer(): Promise<AsyncDisposable & { readonly host: string }> {
  const data = join(scratch.root, "..", `peer-${Date.now()}`);
  const config = `${data}.yml`;
  writeFileSync(config, `version: 0.1\nstorage: { filesystem: { rootdirectory: ${data} } }\nhttp: { addr: "127.0.0.1:0" }\n`);
  const child = spawn("docker-registry", ["serve", config], { stdio: ["ignore", "ignore", "pipe"] });
  let said = "";
  const host = await new Promise<string>((resolve, reject) => {
    child.once("exit", () => reject(new Error(`docker-registry ended:\n${said}`)));
    child.stderr.on("data", (data_: Buffer) => {
      said += data_.toString();
      const found = /listening on (127\.0\.0\.1:\d+)/.exec(said)?.[1];
      if (found !== undefined) resolve(found);
    });
  });
  return {
    host,
    async [Symbol.asyncDispose](): Promise<void> {
      child.removeAllListeners("exit").kill("SIGKILL");
      if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
    },
  };
}
