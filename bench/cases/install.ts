/** What `npm ci --omit=dev` brings into a fresh folder. From npm's own cache, which the install of this checkout filled: there is no network here. */
import { copyFileSync, lstatSync, mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Case, Place, Unit } from "../case.ts";

const COUNT: Unit = { name: "packages", better: "less" };
const SIZE: Unit = { name: "MB", better: "less" };
const CHECKOUT = fileURLToPath(new URL("../../../", import.meta.url));
const NPM_CI = ["npm", "ci", "--omit=dev", "--offline", "--no-audit", "--no-fund"];

export const install: Case = {
  name: "install",
  title: "install, production dependencies",
  rounds: 1,
  peers: ["strata"],
  phases: [
    { name: "packages", unit: COUNT, budget: {}, limit: 40 },
    { name: "size on disk", unit: SIZE, budget: {}, limit: 60 },
  ],
  open: async (place) => {
    const folder = join(place.folder, "install");
    return await Promise.resolve([
      {
        name: "strata",
        reset: async () => await Promise.resolve(rmSync(folder, { recursive: true, force: true })),
        measure: async ({ unit }) => (unit === COUNT ? await installed(folder, place) : diskBytes(join(folder, "node_modules")) / 1e6),
      },
    ]);
  },
};

/** Installs into `folder`, with what packages compile on the way. Gives the number of packages, as npm wrote them down. */
async function installed(folder: string, { run }: Place): Promise<number> {
  mkdirSync(folder);
  for (const name of ["package.json", "package-lock.json"]) copyFileSync(join(CHECKOUT, name), join(folder, name));
  await run([...NPM_CI, "--prefix", folder]);
  const { packages } = JSON.parse(readFileSync(join(folder, "node_modules/.package-lock.json"), "utf8")) as { readonly packages: object };
  return Object.keys(packages).length;
}

/** Blocks, as du counts them. */
function diskBytes(path: string): number {
  const stat = lstatSync(path);
  const below = stat.isDirectory() ? readdirSync(path).map((name) => diskBytes(join(path, name))) : [];
  return below.reduce((sum, bytes) => sum + bytes, stat.blocks * 512);
}
