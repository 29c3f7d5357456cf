/** A base image from this machine's own programs: one layer, and the same programs give the same digest. */
import { existsSync } from "node:fs";
import { basename } from "node:path";
import { hostPlatform } from "../../store/image/platform.ts";
import type { ImageConfig } from "../../store/oci.ts";
import type { Image, LayerEntry, Store } from "../../store/store.ts";
import { BASE_PATH, Gatherer } from "./gather.ts";
import { addNamedFile, type NamedFile } from "./host-files.ts";
import { addSkeleton, addTopLevel, type BaseUser } from "./skeleton.ts";
import { BASE_EPOCH, Tree } from "./tree.ts";

export interface BaseRequest {
  /** Names on `searchPath`, or paths. */
  readonly programs: readonly string[];
  readonly files: readonly NamedFile[];
  readonly users: readonly BaseUser[];
  /** `K=V`, after PATH. */
  readonly env: readonly string[];
  /** With the certificates that this machine trusts. */
  readonly certificates: boolean;
  /** Without /etc/passwd, /tmp and the other folders that programs take for granted. */
  readonly bare: boolean;
  /** PATH of the user who asks. */
  readonly searchPath: string;
}

const SHELLS = ["bash", "zsh", "ash", "dash", "sh"];
const CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt";

/** Gathers everything and does nothing else. @throws {BuilderError} `PROGRAM_UNKNOWN`, `LIBRARY_UNKNOWN`, `SOURCE_UNKNOWN`, `ELF_INVALID` */
export function gatherBase(request: BaseRequest): readonly LayerEntry[] {
  const tree = new Tree();
  const gatherer = new Gatherer(tree, request.searchPath);
  const shell = shellOf(request);
  addTopLevel(tree);
  if (!request.bare) addSkeleton(tree, request.users, shell === undefined ? "/usr/sbin/nologin" : `/bin/${shell}`);
  for (const program of request.programs) gatherer.program(program);
  for (const file of request.files) addNamedFile(tree, gatherer, file);
  if (request.certificates && existsSync(CERTIFICATES)) addNamedFile(tree, gatherer, { source: CERTIFICATES, destination: CERTIFICATES });
  return tree.entries();
}

/** Makes the image and gives it its name; again the same when nothing changed. @throws as `gatherBase` */
export async function createBase(store: Pick<Store, "snapshots" | "images">, request: BaseRequest, name: string): Promise<Image> {
  const layer = await store.snapshots.write(undefined, gatherBase(request));
  const created = new Date(BASE_EPOCH * 1000).toISOString().replace(".000Z", "Z");
  const shell = shellOf(request);
  const config: ImageConfig = {
    ...hostPlatform(),
    created,
    config: { Env: environment(request), ...(shell === undefined ? {} : { Cmd: [shell] }) },
    rootfs: { type: "layers", diff_ids: [layer.diffID] },
    history: [{ created, created_by: describe(request) }],
  };
  const target = await store.images.assemble([layer], config);
  await store.images.tag(name, target);
  return await store.images.open(name);
}

function environment({ env }: BaseRequest): readonly string[] {
  return env.some((one) => one.startsWith("PATH=")) ? env : [`PATH=${BASE_PATH}`, ...env];
}

/** Only what decides the content: where the user keeps the files is nobody else's business. */
function describe({ programs, files, users }: BaseRequest): string {
  const names = [...new Set(programs.map((program) => basename(program)))].toSorted();
  const options = [
    names.length === 0 ? [] : [`--bin ${names.join(",")}`],
    files.map((file) => `--file ${file.destination}`),
    users.map(({ name, uid }) => `--user ${name}:${uid}`),
  ];
  return ["strata base create", ...options.flat()].join(" ");
}

function shellOf({ programs }: BaseRequest): string | undefined {
  return programs.map((program) => basename(program)).find((name) => SHELLS.includes(name));
}
