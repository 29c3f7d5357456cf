/**
 * How deep a body may nest. All that reads objects goes down by recursion, and a stack that is nearly full cannot always be saved:
 * V8 ends the process when it has to compile an expression then. No type of the API comes near the limit.
 */
import { Lexer, Parser } from "yaml";
import { badRequest } from "../errors.ts";

const MAX_DEPTH = 256;

/** @throws {ApiError} `BadRequest` */
export function refuseDeepValue(value: unknown): void {
  if (isDeep(value, MAX_DEPTH)) throw badRequest(`the object nests deeper than ${MAX_DEPTH} levels: exceeded max depth`);
}

/** Before it is parsed, for the parser goes down as well. @throws {ApiError} `BadRequest` */
export function refuseDeepYaml(text: string): void {
  const parser = new Parser();
  for (const lexeme of new Lexer().lex(text)) {
    Array.from(parser.next(lexeme));
    if (parser.stack.length > MAX_DEPTH) throw badRequest(`error converting YAML to JSON: exceeded max depth of ${MAX_DEPTH}`);
  }
}

function isDeep(value: unknown, left: number): boolean {
  if (typeof value !== "object" || value === null) return false;
  return left === 0 || Object.values(value).some((part) => isDeep(part, left - 1));
}
