/**
 * Path patterns → handlers. `:name` is one segment, `:name+` one or more, `:name*` any number (also none).
 * Routes are tried in order; a path that only other methods know is 405 with `Allow`.
 */
import { HttpError } from "./error.ts";
import type { Handler, Reply, Request } from "./message.ts";

export interface Route {
  readonly method: string;
  readonly pattern: string;
  readonly handler: Handler;
}

interface Compiled {
  readonly method: string;
  readonly expression: RegExp;
  readonly names: readonly string[];
  readonly handler: Handler;
}

/** A handler that picks the route; GET routes answer HEAD too. @throws {HttpError} 404, 405 */
export function router(routes: readonly Route[]): Handler {
  const compiled = routes.map(compile);
  return (request: Request): Promise<Reply> | Reply => {
    const allowed = new Set<string>();
    for (const route of compiled) {
      const match = route.expression.exec(request.path);
      if (match === null) continue;
      if (!accepts(route.method, request.method)) allowed.add(route.method);
      else return route.handler(setParams(request, readParams(route.names, match)));
    }
    if (allowed.size === 0) throw new HttpError(404, `Cannot find ${request.path}: no such resource`);
    throw new HttpError(405, `Cannot ${request.method} ${request.path}: method not allowed`, { headers: { allow: [...allowed].join(", ") } });
  };
}

function accepts(route: string, method: string): boolean {
  return route === method || route === "*" || (route === "GET" && method === "HEAD");
}

function compile({ method, pattern, handler }: Route): Compiled {
  const names: string[] = [];
  const source = pattern.replaceAll(/\/:(\w+)([+*]?)|[.*+?^${}()|[\]\\]/g, (found: string, name: string | undefined, many: string) => {
    if (name === undefined) return `\\${found}`;
    names.push(name);
    if (many === "+") return "/(.+)";
    return many === "*" ? "(?:/(.*))?" : "/([^/]+)";
  });
  return { method, expression: new RegExp(`^${source}$`), names, handler };
}

function readParams(names: readonly string[], match: RegExpExecArray): Record<string, string> {
  const params: Record<string, string> = {};
  names.forEach((name, index) => {
    params[name] = decode(match[index + 1] ?? "");
  });
  return params;
}

function decode(segment: string): string {
  if (!segment.includes("%")) return segment;
  try {
    return decodeURIComponent(segment);
  } catch {
    throw new HttpError(400, `Cannot read ${JSON.stringify(segment)} in the path: bad percent encoding`);
  }
}

/** Nobody else has the request yet. */
function setParams(request: { params: Readonly<Record<string, string>> } & Request, params: Readonly<Record<string, string>>): Request {
  request.params = params;
  return request;
}
