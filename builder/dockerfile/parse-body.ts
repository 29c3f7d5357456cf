/** One instruction's words → its typed body: a table from keyword to reader. */
import { BuilderError } from "../errors.ts";
import { readFlags, splitFlags, type FlagKinds } from "./flags.ts";
import { parseHealthcheck } from "./healthcheck.ts";
import { parseFileSources } from "./file-sources.ts";
import type { Body, Keyword, Pair } from "./instruction.ts";
import { listWords, notStrings, one, parseCommand, some, type Parts } from "./parts.ts";
import { requirePlainFrom } from "./mount-fields.ts";
import { splitKeyword, type RawInstruction } from "./scan.ts";
import { didYouMean } from "./suggest.ts";
import { jsonWords, plainWords, shellWords } from "./words.ts";

interface Reader {
  readonly flags?: FlagKinds;
  readonly read: (parts: Parts) => Body;
}

const FILE_FLAGS = { text: ["from", "chown", "chmod"], bool: ["link", "parents", "unpack"], repeated: ["exclude"] };
const ADD_FLAGS = { text: ["chown", "chmod", "checksum"], bool: ["link", "unpack", "keep-git-dir"], repeated: ["exclude"] };
const NETWORKS = ["default", "none", "host"] as const;
const SECURITIES = ["sandbox", "insecure"] as const;

const READERS: Readonly<Record<Keyword, Reader>> = {
  FROM: { flags: { text: ["platform"] }, read: parseFrom },
  ARG: { read: parseArg },
  ENV: { read: (parts) => ({ kind: "ENV", pairs: parsePairs(parts) }) },
  LABEL: { read: (parts) => ({ kind: "LABEL", pairs: parsePairs(parts) }) },
  RUN: { flags: { text: ["network", "security"], repeated: ["mount", "device"] }, read: parseRun },
  COPY: { flags: FILE_FLAGS, read: (parts) => ({ kind: "COPY", ...parseFileSources(parts), ...unpackFlag(parts) }) },
  ADD: { flags: ADD_FLAGS, read: parseAdd },
  WORKDIR: { read: (parts) => ({ kind: "WORKDIR", value: one(parts) }) },
  USER: { read: (parts) => ({ kind: "USER", value: one(parts) }) },
  STOPSIGNAL: { read: (parts) => ({ kind: "STOPSIGNAL", value: one(parts) }) },
  MAINTAINER: { read: (parts) => ({ kind: "MAINTAINER", value: one(parts) }) },
  EXPOSE: { read: (parts) => ({ kind: "EXPOSE", ports: some(parts, plainWords(parts.rest)) }) },
  VOLUME: { read: (parts) => ({ kind: "VOLUME", paths: some(parts, listWords(parts)) }) },
  SHELL: { read: parseShell },
  CMD: { read: (parts) => ({ kind: "CMD", command: parseCommand(parts) }) },
  ENTRYPOINT: { read: (parts) => ({ kind: "ENTRYPOINT", command: parseCommand(parts) }) },
  HEALTHCHECK: { flags: { text: ["interval", "timeout", "start-period", "start-interval", "retries"] }, read: parseHealthcheck },
  ONBUILD: { read: parseOnbuild },
};

/** @throws {BuilderError} `INSTRUCTION_UNKNOWN`, `FLAG_INVALID`, `DOCKERFILE_INVALID` */
export function parseBody(raw: RawInstruction): Body {
  const keyword = raw.keyword as Keyword;
  if (!Object.hasOwn(READERS, keyword)) {
    throw new BuilderError("INSTRUCTION_UNKNOWN", `Cannot read instruction ${raw.keyword}: unknown instruction`, didYouMean(raw.keyword, Object.keys(READERS)));
  }
  const reader = READERS[keyword];
  const { flags, rest } = splitFlags(raw.rest, raw.escape);
  return reader.read({ keyword, flags: readFlags(keyword, flags, reader.flags ?? {}), rest, heredocs: raw.heredocs, escape: raw.escape });
}

function parseFrom({ flags, rest }: Parts): Body {
  const [image = "", as, name, ...more] = plainWords(rest);
  const platform = flags.text("platform");
  if (image === "" || more.length > 0 || (as !== undefined && (as.toUpperCase() !== "AS" || name === undefined))) {
    throw new BuilderError("DOCKERFILE_INVALID", "Cannot read FROM: expected 'FROM image [AS name]'");
  }
  if (name !== undefined && !/^[a-z][a-z0-9\-_.]*$/i.test(name)) {
    throw new BuilderError(
      "DOCKERFILE_INVALID",
      `Cannot name a stage ${JSON.stringify(name)}: name must start with a letter and hold only letters, digits, '-', '_' and '.'`,
    );
  }
  return { kind: "FROM", image, ...(platform === undefined ? {} : { platform }), ...(name === undefined ? {} : { name: name.toLowerCase() }) };
}

function parseArg(parts: Parts): Body {
  const args = some(parts, shellWords(parts.rest, parts.escape)).map((word) => {
    const equals = word.indexOf("=");
    const name = equals < 0 ? word : word.slice(0, equals);
    if (name === "") throw new BuilderError("DOCKERFILE_INVALID", `Cannot read ARG ${word}: the name is empty`);
    return equals < 0 ? { name } : { name, value: word.slice(equals + 1) };
  });
  return { kind: "ARG", args };
}

function parsePairs({ keyword, rest, escape }: Parts): readonly Pair[] {
  const words = shellWords(rest, escape);
  const [first] = words;
  if (first === undefined) throw new BuilderError("DOCKERFILE_INVALID", `Cannot read ${keyword}: it requires at least one argument`);
  if (!first.includes("=")) {
    const [, name = "", value] = /^(\S+)\s+([^]+)$/.exec(rest) ?? [];
    if (value === undefined) throw new BuilderError("DOCKERFILE_INVALID", `${keyword} must have two arguments`);
    return [{ name, value }];
  }
  return words.map((word) => {
    const equals = word.indexOf("=");
    if (equals < 0)
      throw new BuilderError("DOCKERFILE_INVALID", `Cannot read ${keyword}: can't find = in ${JSON.stringify(word)}, must be of the form name=value`);
    if (equals === 0) throw new BuilderError("DOCKERFILE_INVALID", `Cannot read ${keyword} ${word}: names can not be blank`);
    return { name: word.slice(0, equals), value: word.slice(equals + 1) };
  });
}

function parseRun(parts: Parts): Body {
  if (parts.flags.all("device").length > 0) throw new BuilderError("UNSUPPORTED", "Cannot use RUN --device: devices are not given to builds");
  const command = parseCommand(parts);
  if (command.form === "exec" && command.args.length === 0)
    throw new BuilderError("DOCKERFILE_INVALID", "Cannot read RUN: the exec form requires at least one argument");
  const mounts = parts.flags.all("mount");
  for (const mount of mounts) requirePlainFrom(mount);
  return {
    kind: "RUN",
    command,
    heredocs: parts.heredocs,
    mounts,
    network: oneOf(parts.flags, "network", NETWORKS),
    security: oneOf(parts.flags, "security", SECURITIES),
  };
}

/** The first of `known` is what holds when the flag is not given. */
function oneOf<Value extends string>(flags: Parts["flags"], name: string, known: readonly [Value, ...Value[]]): Value {
  const wanted = flags.text(name) ?? known[0];
  const found = known.find((value) => value === wanted);
  if (found !== undefined) return found;
  throw new BuilderError("FLAG_INVALID", `Cannot use RUN --${name}=${wanted}: expected ${known.join(", ")}`, didYouMean(wanted, known));
}

function parseAdd(parts: Parts): Body {
  const checksum = parts.flags.text("checksum");
  return {
    kind: "ADD",
    ...parseFileSources(parts),
    keepGitDir: parts.flags.bool("keep-git-dir") ?? false,
    ...(checksum === undefined ? {} : { checksum }),
    ...unpackFlag(parts),
  };
}

function unpackFlag({ flags }: Parts): { readonly unpack?: boolean } {
  const unpack = flags.bool("unpack");
  return unpack === undefined ? {} : { unpack };
}

function parseShell({ rest }: Parts): Body {
  const json = jsonWords(rest);
  if (json.kind === "not-strings") throw notStrings("SHELL");
  if (json.kind === "other" || json.words.length === 0) {
    throw new BuilderError("DOCKERFILE_INVALID", "Cannot read SHELL: it requires the arguments to be in JSON form", {
      hint: 'For example SHELL ["/bin/sh", "-c"]',
    });
  }
  return { kind: "SHELL", args: json.words };
}

function parseOnbuild({ rest, heredocs, escape }: Parts): Body {
  const { keyword, rest: tail } = splitKeyword(rest);
  const trigger = keyword.toUpperCase();
  if (trigger === "") throw new BuilderError("DOCKERFILE_INVALID", "Cannot read ONBUILD: it requires an instruction");
  if (trigger === "ONBUILD" || trigger === "FROM" || trigger === "MAINTAINER") {
    throw new BuilderError("DOCKERFILE_INVALID", `Cannot use ${trigger} as an ONBUILD trigger: it isn't allowed`);
  }
  parseBody({ keyword: trigger, rest: tail, text: rest, heredocs, escape, place: { start: 1, end: 1 } });
  const bodies = heredocs.map((heredoc) => `\n${heredoc.body}${heredoc.name}`).join("");
  return { kind: "ONBUILD", trigger: rest + bodies };
}
