/** Attestations of builds: which layer brought what, the same bytes anywhere, nothing told that must not be. */
import { expect, test } from "vitest";
import type { Attestation, AttestRequest, ProvenanceOptions } from "../../builder/attest/options.ts";
import type { BuildResult } from "../../builder/request.ts";
import { encodedOf } from "../../store/digest.ts";
import { referrersOf } from "../../store/image/referrers.ts";
import type { LayerEntry, Layer } from "../../store/store.ts";
import { withLab, type Lab } from "./lab.ts";

const MIN: ProvenanceOptions = { mode: "min", version: "v1", builderId: undefined, inlineOnly: false, reproducible: undefined };
const SBOM: AttestRequest = { sbom: true, provenance: undefined, names: [], version: "1.2.3" };

function provenance(options: Partial<ProvenanceOptions> = {}): AttestRequest {
  return { sbom: false, provenance: { ...MIN, ...options }, names: ["docker.io/library/app:v1"], version: "1.2.3" };
}

interface Package {
  readonly SPDXID: string;
  readonly name: string;
  readonly comment?: string;
  readonly annotations?: readonly { readonly comment: string }[];
  readonly externalRefs?: readonly { readonly referenceLocator: string }[];
}

interface Spdx {
  readonly spdxVersion: string;
  readonly documentNamespace: string;
  readonly creationInfo: { readonly created: string; readonly comment?: string };
  readonly packages: readonly Package[];
  readonly files?: readonly {
    readonly SPDXID: string;
    readonly fileName: string;
    readonly comment?: string;
    readonly checksums: readonly { readonly algorithm: string }[];
  }[];
  readonly relationships: readonly { readonly spdxElementId: string; readonly relatedSpdxElement: string }[];
}

/** As the caller knows it to be. */
// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- the document is of many shapes
function predicate<Value>({ attestations }: BuildResult, file: string): Value {
  const found = attestations.find((one) => one.file === file);
  if (found === undefined) throw new Error(`no ${file} among ${attestations.map((one) => one.file).join(", ")}`);
  return (JSON.parse(found.statement) as { predicate: Value }).predicate;
}

const META = { mode: 0o644, uid: 0, gid: 0, mtime: 1000 };
const file = (path: string, text: string): LayerEntry => ({ ...META, path, type: "file", size: Buffer.byteLength(text), source: { bytes: Buffer.from(text) } });
const dpkg = (...names: readonly string[]): string =>
  names.map((name) => `Package: ${name}\nStatus: install ok installed\nVersion: 1\nArchitecture: amd64\n`).join("\n");

function withParents(entries: readonly LayerEntry[]): readonly LayerEntry[] {
  const parents = new Set(
    entries.flatMap(({ path }) =>
      path
        .split("/")
        .slice(0, -1)
        .map((_, at, names) => names.slice(0, at + 1).join("/")),
    ),
  );
  return [...[...parents].map((path): LayerEntry => ({ ...META, mode: 0o755, path, type: "directory" })), ...entries];
}

/** An image of these layers in the lab's store. */
async function baseOf(lab: Lab, name: string, layers: readonly { readonly by: string; readonly entries: readonly LayerEntry[] }[]): Promise<string> {
  const written: Layer[] = [];
  for (const { entries } of layers) written.push(await lab.store.snapshots.write(written.at(-1)?.chainID, withParents(entries)));
  const target = await lab.store.images.assemble(written, {
    os: "linux",
    architecture: "amd64",
    rootfs: { type: "layers", diff_ids: written.map(({ diffID }) => diffID) },
    history: layers.map(({ by }) => ({ created_by: by })),
  });
  await lab.store.images.tag(name, target);
  return target.digest;
}

test("each package is told with the layer, and so the instruction, that brought it; what is gone is not told", async () => {
  await withLab(async (lab) => {
    await baseOf(lab, "base", [
      {
        by: "RUN apt-get install old kept",
        entries: [file("var/lib/dpkg/status", dpkg("kept", "old")), file("usr/lib/os-release", 'ID="debian"\nVERSION_ID="12"\n')],
      },
      {
        by: "RUN apt-get install more",
        entries: [file("var/lib/dpkg/status", dpkg("kept", "more")), file("app/node_modules/gone/package.json", '{"name":"gone","version":"1"}')],
      },
      {
        by: "RUN npm prune",
        entries: [{ ...META, path: "app/node_modules/gone", type: "whiteout" }, file("lib/rpm", ""), file("var/lib/rpm/rpmdb.sqlite", "")],
      },
    ]);
    lab.context({ "m/package.json": '{"name":"mine","version":"3.0.0","license":"MIT"}' });
    const { result } = await lab.build("FROM base\nCOPY m /app/node_modules/mine/\n", { attest: SBOM });
    const document = predicate<Spdx>(result, "sbom.spdx.json");
    const told = document.packages
      .slice(1)
      .map(({ externalRefs, annotations, comment }) => [externalRefs?.[0]?.referenceLocator, annotations?.[0]?.comment, comment]);
    const [first, second, , last] = result.config.rootfs.diff_ids;
    expect(told).toEqual([
      ["pkg:deb/debian/kept@1?arch=amd64&distro=debian-12", "Layer 1 of 4: RUN apt-get install old kept", `layerID: ${first}`],
      ["pkg:deb/debian/more@1?arch=amd64&distro=debian-12", "Layer 2 of 4: RUN apt-get install more", `layerID: ${second}`],
      ["pkg:npm/mine@3.0.0", "Layer 4 of 4: COPY m /app/node_modules/mine/ # buildkit", `layerID: ${last}`],
    ]);
    expect(document.creationInfo.comment).toBe("Left out: /var/lib/rpm/rpmdb.sqlite: packages of rpm are not read");
    checkSpdx(document);
  });
});

/** What the SPDX 2.3 schema and specification ask of a document. */
function checkSpdx(document: Spdx): void {
  expect(document).toMatchObject({ spdxVersion: "SPDX-2.3", dataLicense: "CC0-1.0", SPDXID: "SPDXRef-DOCUMENT", name: expect.any(String) as string });
  expect(document.documentNamespace).toMatch(/^https:\/\/[^#\s]+$/);
  expect(document.creationInfo).toMatchObject({
    created: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/) as string,
    creators: ["Tool: strata-1.2.3"],
  });
  const elements = [...document.packages, ...(document.files ?? [])];
  const ids = new Set(elements.map(({ SPDXID }) => SPDXID));
  expect(ids.size).toBe(elements.length);
  for (const id of ids) expect(id).toMatch(/^SPDXRef-[A-Za-z0-9.-]+$/);
  const unknown = { downloadLocation: "NOASSERTION", filesAnalyzed: false, licenseConcluded: "NOASSERTION", copyrightText: "NOASSERTION" };
  for (const one of document.packages) expect(one).toMatchObject({ ...unknown, licenseDeclared: expect.stringMatching(/./) as string });
  for (const { fileName, checksums } of document.files ?? []) {
    expect(fileName).toMatch(/^\.\//);
    expect(checksums.map(({ algorithm }) => algorithm)).toContain("SHA1");
  }
  for (const { spdxElementId, relatedSpdxElement } of document.relationships) {
    for (const id of [spdxElementId, relatedSpdxElement]) expect([id, ids.has(id) || id === "SPDXRef-DOCUMENT"]).toEqual([id, true]);
  }
}

const FILES = { "app/node_modules/a/package.json": '{"name":"a","version":"1.0.0"}', "py/x-1.dist-info/METADATA": "Name: x\nVersion: 1\n" };
const ALL: AttestRequest = { ...provenance({ mode: "max" }), sbom: true };

test("two roots and two days say the same of the same image, whose digest is what it is without", async () => {
  const build = async (attest: AttestRequest | undefined): Promise<BuildResult> =>
    await withLab(async (lab) => {
      lab.context(FILES);
      return (await lab.build("FROM scratch\nCOPY . /\n", { attest })).result;
    });
  const [one, two, plain] = [await build(ALL), await build(ALL), await build(undefined)];
  expect(two.attestations).toEqual(one.attestations);
  expect(one.attestations.map(({ file: name }) => name)).toEqual(["sbom.spdx.json", "provenance.json"]);
  expect([plain.target.digest, plain.attestations]).toEqual([one.target.digest, []]);
});

test("what is attached names the image, and takes the place of what was attached before", async () => {
  await withLab(async (lab) => {
    lab.context(FILES);
    const { result } = await lab.build("FROM scratch\nCOPY . /\n", { attest: ALL });
    const before = referrersOf(lab.store, result.target.digest);
    expect(before.map(({ artifactType }) => artifactType)).toEqual(["application/vnd.in-toto+json", "application/vnd.in-toto+json"]);
    const { subject, ...statement } = JSON.parse(result.attestations[0]!.statement) as { subject: unknown };
    expect(subject).toEqual([{ name: "pkg:docker/app@v1?platform=linux%2Famd64", digest: { sha256: encodedOf(result.target.digest) } }]);
    expect(statement).toMatchObject({ _type: "https://in-toto.io/Statement/v1", predicateType: "https://spdx.dev/Document" });
    await lab.build("FROM scratch\nCOPY . /\n", { attest: { ...ALL, provenance: MIN } });
    const after = referrersOf(lab.store, result.target.digest);
    expect([after.length, after.filter(({ digest }) => before.some((other) => other.digest === digest)).length]).toEqual([2, 1]);
  });
});

const SCANS = "ARG BUILDKIT_SBOM_SCAN_STAGE";
const scanning: readonly {
  readonly name: string;
  readonly dockerfile: string;
  readonly args?: Readonly<Record<string, string>>;
  readonly files: readonly string[];
}[] = [
  {
    name: "nothing but the image unless told",
    dockerfile: "FROM scratch AS build\nCOPY . /\nFROM scratch\nCOPY --from=build / /\n",
    files: ["sbom.spdx.json"],
  },
  {
    name: "a stage that says so",
    dockerfile: `FROM scratch AS build\n${SCANS}=true\nCOPY . /\nFROM scratch\nCOPY --from=build / /\n`,
    files: ["sbom.spdx.json", "sbom-build.spdx.json"],
  },
  { name: "a stage that is not built", dockerfile: `FROM scratch AS build\n${SCANS}=true\nCOPY . /\nFROM scratch\nCOPY . /\n`, files: ["sbom.spdx.json"] },
  {
    name: "stages named before the first FROM",
    dockerfile: `${SCANS}=a,c\nFROM scratch AS a\nCOPY . /\nFROM scratch AS b\nCOPY --from=a / /\nFROM scratch\nCOPY --from=b / /\n`,
    files: ["sbom.spdx.json", "sbom-a.spdx.json"],
  },
  {
    name: "an argument overrides",
    dockerfile: `${SCANS}=true\nFROM scratch AS a\nCOPY . /\nFROM scratch\nCOPY --from=a / /\n`,
    args: { BUILDKIT_SBOM_SCAN_STAGE: "false" },
    files: ["sbom.spdx.json"],
  },
  {
    name: "an argument that is not declared does nothing",
    dockerfile: "FROM scratch AS a\nCOPY . /\nFROM scratch\nCOPY --from=a / /\n",
    args: { BUILDKIT_SBOM_SCAN_STAGE: "true" },
    files: ["sbom.spdx.json"],
  },
  { name: "the context", dockerfile: "FROM scratch\nARG BUILDKIT_SBOM_SCAN_CONTEXT=true\nCOPY . /\n", files: ["sbom.spdx.json", "sbom-context.spdx.json"] },
];

test.each(scanning)("looked through is $name", async ({ dockerfile, args = {}, files }) => {
  await withLab(async (lab) => {
    lab.context(FILES);
    const { result } = await lab.build(dockerfile, { attest: SBOM, buildArgs: new Map(Object.entries(args)) });
    expect(result.attestations.map(({ file: name }) => name)).toEqual(files);
    for (const name of files) {
      const { packages } = predicate<Spdx>(result, name);
      expect(packages.slice(1).map((one) => one.name)).toEqual(["a", "x"]);
    }
  });
});

interface Provenance {
  readonly buildDefinition: {
    readonly externalParameters: { readonly request: { readonly args: Readonly<Record<string, string>>; readonly secrets?: readonly unknown[] } };
    readonly resolvedDependencies: readonly unknown[];
  };
  readonly runDetails: { readonly builder: { readonly id: string }; readonly metadata: Readonly<Record<string, unknown>> };
}

test("provenance tells bases by digest; arguments, labels, secrets' names and the Dockerfile only when asked for all; a secret's value never", async () => {
  await withLab(async (lab) => {
    const digest = await baseOf(lab, "base:1", [{ by: "x", entries: [file("etc/os-release", "ID=x\n")] }]);
    lab.context({ f: "f" });
    const dockerfile =
      "FROM base:1 AS b\nARG V\nRUN --network=none --mount=type=secret,id=token,required=true true\nFROM scratch AS final\nCOPY --from=b /etc /etc\nCOPY f /\n";
    const request = {
      buildArgs: new Map([
        ["V", "argument"],
        ["HTTP_PROXY", "http://user:pass-word@proxy"],
      ]),
      labels: new Map([["l", "label"]]),
      secrets: new Map([["token", { read: () => Buffer.from("very secret") }]]),
      target: "final",
    };
    const build = async (options: Partial<ProvenanceOptions>): Promise<readonly [Provenance, string]> => {
      const { result } = await lab.build(dockerfile, { ...request, attest: provenance(options) }, { run: async () => await Promise.resolve(0) });
      return [predicate<Provenance>(result, "provenance.json"), result.attestations.map(({ statement }) => statement).join("")];
    };
    const [min, minText] = await build({});
    expect(min.buildDefinition.resolvedDependencies).toEqual([
      { uri: "pkg:docker/base@1?platform=linux%2Famd64", digest: { sha256: digest.slice("sha256:".length) } },
    ]);
    expect(min.buildDefinition.externalParameters.request).toEqual({
      frontend: "dockerfile.v0",
      args: { target: "final" },
      locals: [{ name: "context" }, { name: "dockerfile" }],
    });
    expect(min.runDetails.builder.id).toBe("pkg:generic/strata@1.2.3");
    expect(min.runDetails.metadata).toEqual({ buildkit_hermetic: true, buildkit_completeness: { request: false, resolvedDependencies: false } });
    const [max, maxText] = await build({ mode: "max", builderId: "https://ci.example.com/1", reproducible: true });
    expect(max.buildDefinition.externalParameters.request.args).toEqual({
      target: "final",
      "build-arg:V": "argument",
      "build-arg:HTTP_PROXY": "http://xxxxx@proxy",
      "label:l": "label",
    });
    expect(max.buildDefinition.externalParameters.request.secrets).toEqual([{ id: "token", optional: false }]);
    expect(max.runDetails).toMatchObject({ builder: { id: "https://ci.example.com/1" }, metadata: { buildkit_reproducible: true } });
    expect(Buffer.from(/"data":"([^"]+)"/.exec(maxText)?.[1] ?? "", "base64").toString()).toBe(dockerfile);
    for (const text of [minText, maxText]) expect(text).not.toMatch(/very secret|pass-word|\b20[2-9]\d-\d\d-\d\dT/);
  });
});

test("provenance of version 0.2, and times when the build is not said to be reproducible", async () => {
  await withLab(async (lab) => {
    lab.context({ f: "f" });
    const { result } = await lab.build("FROM scratch\nCOPY f /\n", { attest: provenance({ version: "v0.2", reproducible: false }) });
    expect(JSON.parse(result.attestations[0]!.statement)).toMatchObject({
      _type: "https://in-toto.io/Statement/v0.1",
      predicateType: "https://slsa.dev/provenance/v0.2",
    });
    expect(predicate(result, "provenance.json")).toMatchObject({
      buildType: "https://mobyproject.org/buildkit@v1",
      invocation: { configSource: { entryPoint: "Dockerfile" }, environment: { platform: "linux/amd64" } },
      materials: [],
      metadata: {
        buildInvocationID: expect.stringMatching(/^[0-9a-f-]{36}$/) as string,
        buildStartedOn: expect.stringMatching(/^20\d\d-/) as string,
        reproducible: false,
      },
    });
  });
});

test("of several platforms each image has its own", async () => {
  await withLab(async (lab) => {
    lab.context(FILES);
    const platforms = [
      { os: "linux", architecture: "amd64" },
      { os: "linux", architecture: "arm64" },
    ];
    const dockerfile = `FROM scratch AS build\n${SCANS}=true\nCOPY . /\nFROM scratch\nCOPY --from=build / /\n`;
    const { result } = await lab.build(dockerfile, { platforms, attest: SBOM });
    const names = ({ platform, file: name }: Attestation): string => `${platform} ${name}`;
    expect(result.attestations.map(names)).toEqual(
      platforms.flatMap(({ architecture }) => [`linux/${architecture} sbom.spdx.json`, `linux/${architecture} sbom-build.spdx.json`]),
    );
    for (const { target } of result.images) expect(referrersOf(lab.store, target.digest)).toHaveLength(2);
    expect(referrersOf(lab.store, result.target.digest)).toEqual([]);
  });
});
