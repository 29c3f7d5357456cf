/** strata base create: a base image from this machine's own programs, offline. */
import { Command } from "commander";
import type { BaseUser } from "../../builder/base/skeleton.ts";
import type { Context } from "../context.ts";
import { jsonOutput } from "../json-output.ts";
import { UsageError } from "../errors.ts";

interface CreateFlags {
  readonly bin: readonly string[];
  readonly file: readonly string[];
  readonly user: readonly BaseUser[];
  readonly env: readonly string[];
  readonly ca?: boolean;
  readonly fromScratch?: boolean;
  readonly quiet?: boolean;
  readonly output?: string;
}

export function command(context: Context): Command {
  const create = new Command("create")
    .description("Make a base image from programs of this machine and the libraries they need")
    .argument("<name>", "name of the image")
    .option("--bin <names>", "programs, by name or path, comma separated; may be repeated", collectList, [])
    .option("--file <host[:dest]>", "a file or folder of this machine; may be repeated", collect, [])
    .option("--user <name:uid>", "a user with a group and a home of its own; may be repeated", collectUser, [])
    .option("--env <key=value>", "set an environment variable; may be repeated", collectVariable, [])
    .option("--ca", "with the certificate authorities that this machine trusts")
    .option("--from-scratch", "only programs and files: no /etc/passwd, no /tmp, no other folders")
    .option("-q, --quiet", "print the image id only")
    .addOption(jsonOutput())
    .action(async (name: string, flags: CreateFlags) => {
      await run(context, name, flags);
    });
  return new Command("base").description("Make base images from this machine's own programs").addCommand(create);
}

async function run(context: Context, name: string, flags: CreateFlags): Promise<void> {
  if (flags.bin.length + flags.file.length === 0) throw new UsageError("Cannot make an image of nothing: name programs with --bin or files with --file");
  const [{ createBase }, { parseNamedFile }, { familiarName }] = await Promise.all([
    import("../../builder/base/create.ts"),
    import("../../builder/base/host-files.ts"),
    import("../../store/reference.ts"),
  ]);
  const request = {
    programs: flags.bin,
    files: flags.file.map((text) => parseNamedFile(text)),
    users: flags.user,
    env: flags.env,
    certificates: flags.ca === true,
    bare: flags.fromScratch === true,
    searchPath: context.env["PATH"] ?? "",
  };
  const store = await context.store();
  const image = await createBase(store, request, name);
  const names = { name: familiarName(image.name ?? name), id: image.id };
  if (flags.output === "json") context.stdout.write(`${JSON.stringify(names)}\n`);
  else context.stdout.write(flags.quiet === true ? `${names.id}\n` : `${names.name} ${names.id}\n`);
}

function collect(value: string, previous: readonly string[]): readonly string[] {
  return [...previous, value];
}

function collectList(value: string, previous: readonly string[]): readonly string[] {
  return [...previous, ...value.split(",").filter((name) => name !== "")];
}

function collectVariable(value: string, previous: readonly string[]): readonly string[] {
  if (!/^[^=]+=/.test(value)) throw new UsageError(`Cannot read ${JSON.stringify(value)} as a variable: write KEY=VALUE`);
  return [...previous, value];
}

function collectUser(value: string, previous: readonly BaseUser[]): readonly BaseUser[] {
  const [, name, uid] = /^([a-z_][a-z0-9_-]*):(\d{1,9})$/.exec(value) ?? [];
  if (name === undefined || uid === undefined) throw new UsageError(`Cannot read ${JSON.stringify(value)} as a user: write name:uid`);
  return [...previous, { name, uid: Number(uid) }];
}
