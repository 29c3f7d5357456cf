/** An image made for the pages: four layers that add, change and hide files, some with names that want to be markup or to mislead. */
import { gzipSync } from "node:zlib";
import { pack } from "tar-stream";
import { digestOf } from "../../store/digest.ts";
import { MEDIA_TYPE } from "../../store/oci.ts";
import { blob, manifestOf, noise, pushBlob, putManifest, type TestBlob, type TestRegistry } from "./registry.ts";

/** Names of files by what they try. */
export const HOSTILE = {
  script: "<script>window.hacked=1</script>",
  attribute: "\"onmouseover='window.hacked=2'",
  direction: "cod\u202egnp.exe",
  lines: "two\nlines\u001b[31m",
  stray: "stray-#-byte",
} as const;

/** Files of a layer by path; a path that ends in a slash is a folder. */
export type LayerFiles = Readonly<Record<string, Buffer | string>>;

export async function layerOf(files: LayerFiles): Promise<{ readonly diffID: string; readonly layer: TestBlob }> {
  const tar = pack();
  for (const [name, content] of Object.entries(files)) tar.entry({ name, type: name.endsWith("/") ? "directory" : "file", mtime: new Date(0) }, content);
  tar.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of tar) chunks.push(chunk as Buffer);
  const bytes = withStrayByte(Buffer.concat(chunks));
  return { diffID: digestOf(bytes), layer: blob(gzipSync(bytes, { level: 1 }), MEDIA_TYPE.layerGzip) };
}

/** A tar writer takes text only: `#` in the name above becomes the byte 0xff, and the header's sum follows. */
function withStrayByte(tar: Buffer): Buffer {
  const at = tar.indexOf(HOSTILE.stray);
  if (at < 0) return tar;
  const header = tar.subarray(at - (at % 512), at - (at % 512) + 512);
  header[HOSTILE.stray.indexOf("#") + (at % 512)] = 0xff;
  header.fill(" ", 148, 156);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  return tar;
}

export async function pushLayers(
  registry: Pick<TestRegistry, "url">,
  name: string,
  tag: string,
  layers: readonly LayerFiles[],
  config: { readonly architecture?: string; readonly config?: object; readonly history?: readonly object[] } = {},
): Promise<TestBlob> {
  const packed = await Promise.all(layers.map(layerOf));
  const { architecture = "amd64", ...more } = config;
  const document = {
    architecture,
    os: "linux",
    created: "2024-05-06T07:08:09Z",
    rootfs: { type: "layers", diff_ids: packed.map(({ diffID }) => diffID) },
    ...more,
  };
  const manifest = manifestOf(
    blob(JSON.stringify(document), MEDIA_TYPE.config),
    packed.map(({ layer }) => layer),
  );
  for (const part of [blob(JSON.stringify(document), MEDIA_TYPE.config), ...packed.map(({ layer }) => layer)]) await pushBlob(registry, name, part);
  const reply = await putManifest(registry, name, tag, manifest);
  if (reply.status !== 201) throw new Error(`push of ${name}:${tag} gave ${reply.status}: ${await reply.text()}`);
  return manifest;
}

/** Instructions beside the layers: `COPY`, `RUN` that changes and hides, and hostile names. */
export async function pushShownImage(registry: Pick<TestRegistry, "url">, name: string, tag: string, port = 8080): Promise<TestBlob> {
  const many = Object.fromEntries(Array.from({ length: 500 }, (_, index) => [`many/file-${String(index).padStart(3, "0")}`, "x"]));
  const odd = Object.fromEntries(Object.values(HOSTILE).map((file) => [`odd/${file}`, "odd"]));
  const layers = [
    { "bin/": "", "bin/tool": noise(40_000, 1), "etc/passwd": "root\n", "tmp/cache/object": noise(90_000, 2) },
    { "etc/passwd": "root\nann\n", "tmp/.wh.cache": "", "srv/deep/er/file": "deep" },
    odd,
    many,
  ];
  const history = [
    { created_by: "COPY tool /bin/ # buildkit" },
    { created_by: "ENV A=1", empty_layer: true },
    { created_by: `RUN /bin/sh -c rm -r /tmp/cache && ${"echo ann >> /etc/passwd && ".repeat(8)}true # buildkit` },
    { created_by: `COPY <img src=x onerror=window.hacked=3> /odd` },
    { created_by: "COPY many /many/" },
  ];
  const config = { Env: ["A=<b>1</b>", "PATH=/bin"], Cmd: ["/bin/tool"], ExposedPorts: { [`${port}/tcp`]: {} } };
  return await pushLayers(registry, name, tag, layers, { config, history });
}
