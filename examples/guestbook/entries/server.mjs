// Knows what an entry is: a name and a text, neither empty nor long. Keeps them in the service that STORE names.
import { createServer } from "node:http";

const store = process.env.STORE ?? "http://store";
const longest = 200;
const close = { connection: "close" }; // the next request may meet another pod
let leaving = false;

const server = createServer((request, response) => void serve(request, response));

async function serve(request, response) {
  if (leaving) response.setHeader("connection", "close");
  try {
    const { status, body } = request.method === "POST" ? await add(request) : await list();
    response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
  } catch (error) {
    response.writeHead(502).end(JSON.stringify({ error: `store: ${error.cause?.code ?? error.message}` }));
  }
}

async function add(request) {
  let text = "";
  for await (const chunk of request) text += chunk;
  const entry = JSON.parse(text);
  const bad = ["name", "text"].find((field) => typeof entry[field] !== "string" || entry[field].trim() === "" || entry[field].length > longest);
  if (bad !== undefined) return { status: 422, body: { error: `${bad}: 1 to ${longest} letters are needed` } };
  const { status } = await fetch(store, { method: "POST", headers: close, body: JSON.stringify({ name: entry.name.trim(), text: entry.text.trim() }) });
  return { status, body: {} };
}

async function list() {
  const kept = await fetch(store, { headers: close }).then((answer) => answer.json());
  return { status: 200, body: kept.map((line) => JSON.parse(line)) };
}

process.on("SIGTERM", () => {
  leaving = true;
  setTimeout(() => server.close(() => process.exit(0)), 500); // connections that were made just now are served
});
server.listen(8080, () => console.log("entries listens"));
