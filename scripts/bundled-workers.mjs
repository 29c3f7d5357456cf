/** A plugin of the bundle: what threads run is one file there, for it starts in half the time that its modules take. */
import { join } from "node:path";

const THREAD = /new URL\("\.\/([\w-]+)\.js", import\.meta\.url\)/g;

/** Notes in `workers` what is to be bundled, by the name of its file in the bundle. */
export function bundledWorkers(dist, workers) {
  return {
    name: "bundled-workers",
    transform(code, id) {
      if (!id.startsWith(dist) || !code.includes("new Worker(")) return null;
      const found = [...code.matchAll(THREAD)];
      if (found.length === 0) throw new Error(`Cannot bundle ${id}: it does not say which file its threads run`);
      for (const [, name] of found) note(workers, name, join(id, `../${name}.js`));
      return { code: code.replaceAll(THREAD, (_, name) => `require("node:path").join(__dirname, "${name}.cjs")`) };
    },
  };
}

function note(workers, name, file) {
  if ((workers[name] ?? file) !== file) throw new Error(`Cannot bundle ${file}: ${workers[name]} has the same name, and both are to be ${name}.cjs`);
  workers[name] = file;
}
