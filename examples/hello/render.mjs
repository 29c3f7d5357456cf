// render.mjs FOLDER OUTPUT VERSION: the page with its style inlined and its version filled in.
import { readFileSync, writeFileSync } from "node:fs";

const [folder, output, version] = process.argv.slice(2);
const values = { version, style: readFileSync(`${folder}/style.css`, "utf8").replaceAll(/\s+/g, " ") };
const page = readFileSync(`${folder}/page.html`, "utf8").replaceAll(/\{\{(\w+)\}\}/g, (_, name) => values[name]);
writeFileSync(output, page);
console.log(`${output}: ${page.length} bytes, version ${version}`);
