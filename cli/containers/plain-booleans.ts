/** `--rm=true`, `--sig-proxy=false` and `-m=64m` as commander knows them: docker takes `=VALUE` after every flag, also short or on or off. Pure. */
import type { Command, Option } from "commander";

const SHORT = /^-([a-z])=(.*)$/is;
const BOOLEAN = /^(--?[^=]+)=(true|false|t|f|1|0)$/i;

/** What belongs to the container's command stays as it is. */
export function plainBooleans(command: Command, words: readonly string[]): readonly string[] {
  if (!words.some((word) => BOOLEAN.test(word) || SHORT.test(word))) return words;
  const done: string[] = [];
  let current = command;
  for (let at = 0; at < words.length; at++) {
    const word = words[at]!;
    if (word === "--") return [...done, ...words.slice(at)];
    if (!word.startsWith("-") || word === "-") {
      const child = current.commands.find((one) => one.name() === word || one.aliases().includes(word));
      if (child === undefined && !takesOptionsAnywhere(current)) return [...done, ...words.slice(at)];
      current = child ?? current;
      done.push(word);
      continue;
    }
    done.push(...plain(current, word));
    if (takesNext(current, word) && at + 1 < words.length) done.push(words[++at]!);
  }
  return done;
}

/** Commander hides it; its own parser reads the same field. */
function takesOptionsAnywhere(command: Command): boolean {
  return (command as unknown as { readonly _passThroughOptions?: boolean })._passThroughOptions !== true;
}

function plain(command: Command, word: string): readonly string[] {
  const [, letter, rest = ""] = SHORT.exec(word) ?? [];
  if (letter !== undefined && find(command, `-${letter}`)?.required === true) return [`-${letter}`, rest];
  const [, name = "", value = ""] = BOOLEAN.exec(word) ?? [];
  const option = name === "" ? undefined : find(command, name);
  const opposite = name.startsWith("--no-") ? find(command, `--${name.slice("--no-".length)}`) : find(command, `--no-${name.slice(2)}`);
  const known = option ?? opposite;
  if (known === undefined || known.required || known.optional) return [word];
  const isTrue = /^(?:true|t|1)$/i.test(value);
  if (option !== undefined && isTrue) return [name];
  return !isTrue && opposite?.long !== undefined && opposite.long !== null ? [opposite.long] : [];
}

/** `-e` and `--env` without their value; of `-it` the last letter counts. */
function takesNext(command: Command, word: string): boolean {
  if (word.includes("=")) return false;
  const name = word.startsWith("--") ? word : `-${lastLetter(command, word)}`;
  return name !== "-" && find(command, name)?.required === true;
}

/** Empty when an earlier letter takes the rest as its value. */
function lastLetter(command: Command, word: string): string {
  const letters = word.slice(1).split("");
  const taker = letters.findIndex((letter) => find(command, `-${letter}`)?.required === true);
  return taker >= 0 && taker < letters.length - 1 ? "" : (letters.at(-1) ?? "");
}

function find(command: Command, name: string): Option | undefined {
  return command.options.find((option) => option.long === name || option.short === name);
}
