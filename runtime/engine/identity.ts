/** Ids and names of containers, and the short tag that keeps two roots apart on one machine. */
import { randomBelow, randomHex, sha256Hex } from "../../system/digest.ts";
import { RuntimeError } from "../errors.ts";

const NAME = /^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/;
const MAX_NAME = 128;

const ADJECTIVES =
  "amber brisk calm clear copper crisp deep dry early even fair fine firm flat fresh gentle glad golden grand green hardy keen late layered level light lively lucid mellow mild neat noble open patient plain polished proud quick quiet rapid ready rich sandy sharp silent silver smooth solid steady still stony strong sunny swift tidy warm wide wise".split(
    " ",
  );
const NOUNS =
  "agate alluvium andesite basalt bedrock boulder breccia canyon chalk chert cinder clay cliff cobble coral crater crystal delta dolomite dune esker fault flint fossil gabbro garnet geode glacier gneiss granite gravel gypsum horizon jasper karst lava limestone loess magma marble marl mesa mica moraine obsidian olivine onyx opal pebble quartz reef ridge sandstone schist shale silt slate stratum talus topaz tuff valley".split(
    " ",
  );

/** 64 hex digits. */
export function newID(): string {
  return randomHex(32);
}

export function generateName(): string {
  return `${ADJECTIVES[randomBelow(ADJECTIVES.length)]}_${NOUNS[randomBelow(NOUNS.length)]}`;
}

/** What is wrong with a name, in docker's words where it has them. */
const REFUSALS = {
  container: (name: string) => `Invalid container name (${name}), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed`,
  network: (name: string) => `Cannot name a network ${JSON.stringify(name)}: only [a-zA-Z0-9][a-zA-Z0-9_.-]* is allowed`,
  volume: (name: string) =>
    name.length < 2
      ? `create ${name}: volume name is too short, names should be at least two alphanumeric characters`
      : `create ${name}: ${JSON.stringify(name)} includes invalid characters for a local volume name, only "[a-zA-Z0-9][a-zA-Z0-9_.-]" are allowed. If you intended to pass a host directory, use absolute path`,
} as const;

/** As docker takes it: a slash before it says nothing, and no name is a generated one. */
export function givenName(name: string | undefined): string | undefined {
  const bare = name?.startsWith("/") ? name.slice(1) : name;
  return bare === "" ? undefined : bare;
}

/** Of containers and volumes at least two characters, as in docker. @throws {RuntimeError} `NAME_INVALID` */
export function checkName(name: string, what: keyof typeof REFUSALS = "container"): string {
  if (name.length > MAX_NAME) throw new RuntimeError("NAME_INVALID", `Cannot name a ${what} by ${name.length} characters: ${MAX_NAME} are the most`);
  if (NAME.test(name) && (name.length > 1 || what === "network")) return name;
  throw new RuntimeError("NAME_INVALID", REFUSALS[what](name));
}

/** Six hex digits that stand for a root in names of links, tables and locks. */
export function rootTag(root: string): string {
  return sha256Hex(root).slice(0, 6);
}
