// A web server that says which version it is and where it runs, and that leaves without losing a request.
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { hostname } from "node:os";

const version = process.env.VERSION ?? "dev";
const port = Number(process.env.PORT ?? 8080);
// After SIGTERM it serves on for a moment: whoever routes to it learns of its end a little later than it does.
const graceMilliseconds = Number(process.env.GRACE_MS ?? 500);
const page = readFileSync(new URL("public/index.html", import.meta.url));
let leaving = false;

const server = createServer((request, response) => {
  if (leaving) response.setHeader("connection", "close");
  if (request.url === "/healthz") return reply(response, leaving ? 503 : 200, "text/plain", leaving ? "leaving\n" : "ok\n");
  if (request.url !== "/") return reply(response, 404, "text/plain", "not found\n");
  if (request.headers.accept?.includes("text/html")) return reply(response, 200, "text/html; charset=utf-8", page);
  return reply(response, 200, "text/plain", `hello ${version} from ${hostname()}\n`);
});

function reply(response, status, type, body) {
  response.writeHead(status, { "content-type": type, "content-length": Buffer.byteLength(body) });
  response.end(body);
}

function leave(signal) {
  if (leaving) return;
  leaving = true;
  console.log(`${signal}: leaving`);
  setTimeout(() => server.close(() => process.exit(0)), graceMilliseconds); // close waits for requests under way
}

process.on("SIGTERM", leave);
process.on("SIGINT", leave);
server.listen(port, () => console.log(`hello ${version} listens on ${port}`));
