// Shows the book as a page, or as plain lines to those who do not ask for HTML, and takes new entries as forms are sent.
import { createServer } from "node:http";

const entries = process.env.ENTRIES ?? "http://entries";
const close = { connection: "close" }; // the next request may meet another pod
let leaving = false;

const server = createServer((request, response) => void serve(request, response));

async function serve(request, response) {
  if (leaving) response.setHeader("connection", "close");
  if (request.url === "/healthz") return response.end("ok\n");
  try {
    if (request.method === "POST") return await write(request, response);
    const list = await fetch(entries, { headers: close }).then((answer) => answer.json());
    if (!request.headers.accept?.includes("text/html")) return response.end(list.map(({ name, text }) => `${name}: ${text}\n`).join(""));
    response.setHeader("content-type", "text/html; charset=utf-8").end(page(list));
  } catch (error) {
    response.writeHead(502).end(`entries: ${error.cause?.code ?? error.message}\n`);
  }
}

async function write(request, response) {
  let form = "";
  for await (const chunk of request) form += chunk;
  const body = JSON.stringify(Object.fromEntries(new URLSearchParams(form)));
  const answer = await fetch(entries, { method: "POST", headers: close, body });
  if (answer.status !== 201) return response.writeHead(answer.status).end(`${(await answer.json()).error}\n`);
  response.writeHead(303, { location: "/" }).end();
}

function page(list) {
  const escape = (text) => text.replace(/[&<>"]/g, (letter) => `&#${letter.charCodeAt(0)};`);
  const items = list.map(({ name, text }) => `<li><b>${escape(name)}</b> ${escape(text)}</li>`).join("\n");
  return `<!doctype html><title>Guestbook</title><h1>Guestbook</h1><ul>${items}</ul>
<form method="post"><input name="name" placeholder="name"> <input name="text" placeholder="text"> <button>Write</button></form>\n`;
}

process.on("SIGTERM", () => {
  leaving = true;
  setTimeout(() => server.close(() => process.exit(0)), 500); // connections that were made just now are served
});
server.listen(8080, () => console.log("frontend listens"));
