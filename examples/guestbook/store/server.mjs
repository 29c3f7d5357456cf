// Keeps texts in the order in which they came, one a line of a file: GET gives all of them, POST adds one.
import { appendFileSync, existsSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";

const file = join(process.env.FOLDER ?? ".", "entries.jsonl");

const server = createServer((request, response) => {
  if (request.method !== "POST") return response.setHeader("content-type", "application/json").end(`[${lines().join(",")}]`);
  let text = "";
  request.setEncoding("utf8").on("data", (chunk) => (text += chunk));
  request.on("end", () => {
    appendFileSync(file, `${JSON.stringify(text)}\n`, { flush: true });
    response.writeHead(201).end();
  });
});

function lines() {
  return existsSync(file) ? readFileSync(file, "utf8").split("\n").filter(Boolean) : [];
}

process.on("SIGTERM", () => server.close(() => process.exit(0)));
server.listen(8080, () => console.log("store listens"));
