/** What is said of a wrong use of the command line, in docker's words, and the status that it ends with. */
import type { Command } from "commander";
import { EXIT } from "./errors.ts";

/** They end with their program's own status: all that is strata's own failure is 125 there, wrong use too, as docker's. */
const PASS_STATUS_ON: ReadonlySet<string> = new Set(["run", "create", "start", "exec"]);

/** Of the words after `strata`. */
export function usageStatus([verb = "", second = ""]: readonly string[]): number {
  return PASS_STATUS_ON.has(verb === "container" ? second : verb) ? EXIT.strata : EXIT.usage;
}

/** commander writes what is wrong itself: under our name here, for all verbs of a group. */
export function sayUsage(command: Command, program: string): void {
  command.commands.forEach((one) => sayUsage(one, program));
  command.configureOutput({ outputError: (text, write) => write(`${program}: ${usageWords(text, command)}\n`) });
}

/** Docker's words for commander's. */
export function usageWords(text: string, command: Command): string {
  const [line = "", ...suggestion] = text.trim().split("\n");
  const said = line.replace(/^error: /, "");
  const path = pathOf(command);
  const words = /^missing required argument|^too many arguments/.test(said) ? `"${path}" ${arity(command)}.` : (oddBoolean(said, command) ?? translated(said));
  return [words, ...suggestion, `See '${path} --help'.`].join("\n");
}

/** A value behind what is on or off, and is neither. */
function oddBoolean(said: string, { options }: Command): string | undefined {
  const [, name, value] = /^unknown option '(--[^=]+)=(.*)'$/.exec(said) ?? [];
  const option = options.find(({ long }) => long === name);
  return name === undefined || option === undefined ? undefined : `invalid argument "${value}" for "${option.flags}" flag: it is true or false`;
}

function translated(said: string): string {
  return said
    .replace(/^unknown option '(--.*)'$/, "unknown flag: $1")
    .replace(/^unknown option '-(.)(.*)'$/, "unknown shorthand flag: '$1' in -$1$2")
    .replace(/^option '(?:-\w, )?(--?[\w-]+).*' argument missing$/, "flag needs an argument: $1")
    .replace(/^option '(-.*?)(?: [<[].*?)?' argument '(.*)' is invalid\. ?/, 'invalid argument "$2" for "$1" flag: ');
}

function pathOf(command: Command): string {
  return command.parent === null ? command.name() : `${pathOf(command.parent)} ${command.name()}`;
}

function arity({ registeredArguments }: Command): string {
  const least = registeredArguments.filter(({ required }) => required).length;
  const most = registeredArguments.some(({ variadic }) => variadic) ? Infinity : registeredArguments.length;
  const count = (number: number): string => `${number} argument${number === 1 ? "" : "s"}`;
  if (most === 0) return "accepts no arguments";
  if (least === most) return `requires exactly ${count(least)}`;
  if (most === Infinity) return `requires at least ${count(least)}`;
  return least === 0 ? `requires at most ${count(most)}` : `requires at least ${least} and at most ${count(most)}`;
}
