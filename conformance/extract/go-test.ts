/** Dockerfiles and their contexts as moby's tests write them: string literals given to `WithDockerfile`, `WithFile` and `WithFiles`. */
import { readExpression, skipBlank } from "./go-literal.ts";

export interface Written {
  readonly dockerfile: string;
  /** Further files of the context. */
  readonly files: ReadonlyMap<string, string>;
}

/** What the tests call; on Linux the minimal base is scratch. */
const KNOWN = { "minimalBaseImage()": "scratch" };
const DOCKERFILE = /(?:WithDockerfile\(|WithFile\("Dockerfile",)/g;

/** The `nth` Dockerfile, from 1, of the function `test`; undefined when it is not there or not all of it is literal. */
export function findInGoTest(source: string, test: string, nth: number): Written | undefined {
  const start = source.search(new RegExp(`^func (?:\\([^)]*\\) )?${test}\\(`, "m"));
  if (start < 0) return undefined;
  const body = source.slice(start, end(source, start));
  const places = [...body.matchAll(DOCKERFILE)];
  const place = places[nth - 1];
  if (place === undefined) return undefined;
  const known = { ...KNOWN, ...variables(body.slice(0, place.index)) };
  const dockerfile = readExpression(body, place.index + place[0].length, known);
  if (dockerfile === undefined) return undefined;
  const files = readFiles(body.slice(dockerfile.end, places[nth]?.index ?? body.length), known);
  return files === undefined ? undefined : { dockerfile: dockerfile.text, files };
}

/** A function ends with a brace in the first column; raw strings of these tests have none there. */
function end(source: string, start: number): number {
  const found = source.indexOf("\n}\n", start);
  return found < 0 ? source.length : found;
}

/** Variables with the literals that they were given last. */
function variables(text: string): Known {
  const found: Record<string, string> = {};
  for (const { 0: start, 1: name = "", index } of text.matchAll(/^\t+(\w+) :?= (?=["`])/gm)) {
    const value = readExpression(text, index + start.length, { ...KNOWN, ...found });
    if (value === undefined) delete found[name];
    else found[name] = value.text;
  }
  return found;
}

function readFiles(text: string, known: Known): ReadonlyMap<string, string> | undefined {
  const files = new Map<string, string>();
  const close = closing(text);
  for (const { index, 0: call } of text.slice(0, close).matchAll(/WithFile\(|WithFiles\(map\[string\]string\{/g)) {
    const entries = call === "WithFile(" ? readPair(text, index + call.length, known) : readMap(text, index + call.length, known);
    if (entries === undefined) return undefined;
    for (const [name, content] of entries) files.set(name, content);
  }
  return files;
}

/** The end of the call that the Dockerfile is an argument of: files behind it belong to another build. */
function closing(text: string): number {
  let depth = 2; // WithDockerfile( or WithFile(, and the call around it
  for (let at = 0; at < text.length; at++) {
    const character = text.charAt(at);
    if (character === '"' || character === "`") at = (readExpression(text, at, {})?.end ?? text.length) - 1;
    else if (character === "(") depth++;
    else if (character === ")" && --depth === 0) return at;
  }
  return text.length;
}

type Known = Readonly<Record<string, string>>;
type Pairs = readonly (readonly [string, string])[];

function readPair(text: string, at: number, known: Known): Pairs | undefined {
  const name = readExpression(text, at, known);
  if (name === undefined) return undefined;
  const comma = skipBlank(text, name.end);
  if (text[comma] !== ",") return undefined;
  const content = readExpression(text, comma + 1, known);
  return content === undefined ? undefined : [[name.text, content.text]];
}

function readMap(text: string, at: number, known: Known): Pairs | undefined {
  const pairs: (readonly [string, string])[] = [];
  let position = skipBlank(text, at);
  while (text[position] !== "}") {
    const name = readExpression(text, position, known);
    const content = name === undefined ? undefined : readExpression(text, skipBlank(text, name.end) + 1, known);
    if (name === undefined || content === undefined) return undefined;
    pairs.push([name.text, content.text]);
    position = skipBlank(text, content.end);
    if (text[position] === ",") position = skipBlank(text, position + 1);
  }
  return pairs;
}
