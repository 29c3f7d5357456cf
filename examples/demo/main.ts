/** From a Dockerfile to replicas, with one tool, offline: each step is a command a user would type. */
import { images } from "./images.ts";
import { containers } from "./containers.ts";
import { replicas } from "./replicas.ts";
import { claim, clean } from "./place.ts";
import { totalSeconds } from "./narrate.ts";

async function main(): Promise<void> {
  claim();
  for (const name of ["SIGINT", "SIGTERM"] as const) {
    process.once(name, () => {
      clean();
      process.exit(name === "SIGINT" ? 130 : 143);
    });
  }
  try {
    await images();
    await containers();
    await replicas();
  } finally {
    clean();
  }
  process.stdout.write(`\nDone in ${totalSeconds().toFixed(1)} s; everything it made is gone.\n`);
}

main().catch((error: unknown) => {
  process.stderr.write(`demo: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
