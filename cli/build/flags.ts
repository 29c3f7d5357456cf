/** The flags of `strata build`: docker's names, read into plain values. What this builder does not have is refused by name, never ignored. */
import { Command, Option } from "commander";
import { UsageError } from "../errors.ts";
import { collect } from "../collect.ts";
import { defineLockFlags, type LockFlags } from "./lock-flags.ts";
import { defineRunFlags, type RunFlags } from "./run-options.ts";

export interface BuildFlags extends RunFlags, LockFlags {
  readonly tag: readonly string[];
  readonly file?: string;
  readonly buildArg: readonly string[];
  readonly target?: string;
  readonly cache: boolean;
  readonly noCacheFilter: readonly string[];
  readonly cacheFrom: readonly string[];
  readonly cacheTo: readonly string[];
  readonly pull?: boolean;
  readonly platform: readonly string[];
  readonly secret: readonly string[];
  readonly buildContext: readonly string[];
  readonly contextMode: string;
  readonly label: readonly string[];
  readonly annotation: readonly string[];
  readonly network: string;
  readonly addHost: readonly string[];
  readonly shmSize: string;
  readonly ulimit: readonly string[];
  readonly output: readonly string[];
  readonly push?: boolean;
  readonly load?: boolean;
  readonly iidfile?: string;
  readonly metadataFile?: string;
  readonly progress: string;
  readonly quiet?: boolean;
  readonly check?: boolean;
  readonly fix?: boolean;
  readonly call: string;
  readonly explain?: boolean;
  readonly strict?: boolean;
  /** "" is the step's own shell. */
  readonly debug?: string;
  readonly sbom?: string;
  readonly provenance?: string;
  readonly attest: readonly string[];
  readonly dryRun?: boolean;
}

/** docker's flags that this builder does not have. */
const REFUSED = ["builder", "cgroup-parent", "squash", "isolation", "security-opt"];

/** In groups, as --help shows them. */
export function defineFlags(command: Command): Command {
  defineInputFlags(command.optionsGroup("What is built:"));
  defineCacheFlags(command.optionsGroup("Cache:"));
  defineLockFlags(command);
  defineStepFlags(command.optionsGroup("RUN steps:"));
  defineRunFlags(command);
  defineResultFlags(command.optionsGroup("Result:"));
  defineDisplayFlags(command.optionsGroup("Display:"));
  defineCheckFlags(command.optionsGroup("Instead of building, or before:"));
  for (const name of REFUSED) command.addOption(refused(name, () => true));
  return command;
}

function defineInputFlags(command: Command): void {
  command
    .option("-t, --tag <name>", "name of the image; may be repeated", collect, [])
    .option("-f, --file <path>", "the Dockerfile, - for stdin, or an http(s) URL (default: Dockerfile in the context)")
    .option("--build-arg <name[=value]>", "value of an ARG; without a value the environment's", collect, [])
    .option("--target <stage>", "stage to build")
    .option("--platform <list>", "instead of this machine's: os/architecture[/variant], several with commas make an index", collect, [])
    .option(
      "--build-context <name=source>",
      "in place of a stage, an image or a --from: a folder, docker-image://, oci-layout://FOLDER[:TAG], git or http(s) URL",
      collect,
      [],
    )
    .option("--context-mode <rule>", "permission bits of context files: portable (no group write), git (644 and 755) or keep", "portable")
    .option("--secret <id=…>", "for RUN --mount=type=secret: id=NAME,src=FILE or id=NAME,env=VARIABLE", collect, [])
    .option("--label <name=value>", "label of the image; may be repeated", collect, [])
    .option(
      "--annotation <[level:]name=value>",
      "of the manifest, or of the level: index, manifest[PLATFORM], index-descriptor…; may be repeated",
      collect,
      [],
    );
}

function defineCacheFlags(command: Command): void {
  command
    .option("--no-cache", "make every step again")
    .addOption(noCacheFilter())
    .option("--cache-from <source>", "cache of another build: IMAGE, type=registry,ref=REFERENCE or type=local,src=FOLDER; may be repeated", collect, [])
    .option(
      "--cache-to <target>",
      "leave the cache for others: type=inline, type=registry,ref=REFERENCE or type=local,dest=FOLDER, with mode=min|max; may be repeated",
      collect,
      [],
    )
    .option("--pull", "ask the registry for newer base images");
}

function defineStepFlags(command: Command): void {
  command
    .option("--network <mode>", "of RUN steps: default, none or host", "default")
    .option("--add-host <name:address>", "line of /etc/hosts in RUN steps; may be repeated", collect, [])
    .option("--shm-size <bytes>", "size of their /dev/shm", "64m")
    .option("--ulimit <name=soft[:hard]>", "limit of RUN steps; may be repeated", collect, []);
}

function defineResultFlags(command: Command): void {
  command
    .option("-o, --output <spec>", "type=image|registry|oci|docker|local|tar|cacheonly,dest=PATH,…; may be repeated", collect, [])
    .option("--push", "push every name when it is built")
    .option("--load", "keep the image in the store, which is what happens without --output")
    .option("--iidfile <path>", "write the image id, of several platforms the index's digest, to a file")
    .option("--metadata-file <path>", "write digests and names as JSON to a file")
    .addOption(new Option("--sbom [options]", "attach a list of the image's packages (SPDX): true or false").preset("true"))
    .addOption(
      new Option("--provenance [options]", "attach how it was built (SLSA): true, false or mode=min|max,version=v1|v0.2,builder-id=URI,…").preset("true"),
    )
    .option("--attest <type=…>", "type=sbom or type=provenance with their options; may be repeated", collect, []);
}

function defineDisplayFlags(command: Command): void {
  command
    .option("--progress <kind>", "auto (what BUILDKIT_PROGRESS says, else by the terminal), none, plain, quiet, rawjson or tty", "auto")
    .option("-q, --quiet", "print the image id only")
    .option("--explain", "say for every step why it was made or not")
    .option("--debug [shell]", "open a shell in the step that failed");
}

function defineCheckFlags(command: Command): void {
  command
    .option("--check", "say what could be better in the Dockerfile, build nothing")
    .option("--fix", "with --check: mend in the Dockerfile what has only one remedy")
    .option("--call <method>", "build, check, outline or targets; ,format=json for programs", "build")
    .option("--strict", "refuse what builders accept in silence: undefined variables, patterns without a match and the like")
    .option("--dry-run", "say which steps would run, and why; build nothing");
}

/** To commander every `--no-…` is the opposite of another option, unless it is told. */
function noCacheFilter(): Option {
  const option = new Option("--no-cache-filter <stage[,stage]>", "make the steps of these stages again").argParser(collect).default([], "none");
  option.negate = false;
  return option;
}

function refused(name: string, isWanted: (value: string) => boolean): Option {
  return new Option(`--${name} <value>`).hideHelp().argParser((value: string) => {
    if (isWanted(value)) throw new UsageError(`Cannot use --${name}: this builder does not have it yet`);
    return value;
  });
}
