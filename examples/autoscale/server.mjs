// A web server whose every answer costs cpu: as much as a small page with a few database rows would.
import { createServer } from "node:http";
import { hostname } from "node:os";

const port = Number(process.env.PORT ?? 8080);
const burnMilliseconds = Number(process.env.BURN_MS ?? 10);
// After SIGTERM it serves on for a moment: whoever routes to it learns of its end a little later than it does.
const graceMilliseconds = 500;
let leaving = false;

const server = createServer((request, response) => {
  if (leaving) response.setHeader("connection", "close");
  if (request.url === "/healthz") return response.writeHead(leaving ? 503 : 200).end();
  burn(burnMilliseconds);
  response.end(`served by ${hostname()}\n`);
});

// Counted in cpu time, not by the clock: an answer costs the same on a busy machine.
function burn(milliseconds) {
  const begin = process.cpuUsage();
  let used = 0;
  while (used < milliseconds * 1000) {
    const { user, system } = process.cpuUsage(begin);
    used = user + system;
  }
}

process.on("SIGTERM", () => {
  leaving = true;
  setTimeout(() => server.close(() => process.exit(0)), graceMilliseconds);
});
server.listen(port, () => console.log(`listening on ${port}, ${burnMilliseconds} ms of cpu an answer`));
