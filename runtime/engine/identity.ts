/** Ids and names of containers, and the short tag that keeps two roots apart on one machine. */
import { randomBelow, randomHex, sha256Hex } from "../../system/digest.ts";
import { RuntimeError } from "../errors.ts";

const NAME = /^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/;

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

/** @throws {RuntimeError} `NAME_INVALID` */
export function checkName(name: string, what = "container"): string {
  if (NAME.test(name) && name.length <= 128) return name;
  throw new RuntimeError("NAME_INVALID", `Cannot name a ${what} ${JSON.stringify(name)}: only [a-zA-Z0-9][a-zA-Z0-9_.-]+ is allowed`);
}

/** Six hex digits that stand for a root in names of links, tables and locks. */
export function rootTag(root: string): string {
  return sha256Hex(root).slice(0, 6);
}
