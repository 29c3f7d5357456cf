/**
 * `<program>.start.cjs` of the bundle, which the shell line of bin/<program>.js has node begin with as long as no room was compiled later:
 * the same as bin/start.js does, but for three files less to find, read and compile.
 */
import { basename, dirname } from "node:path";
import { startBundled } from "./code-cache.ts";

const { filename } = process.mainModule as NodeJS.Module;
startBundled(dirname(filename), basename(filename, ".start.cjs"));
