/** Plugins of the bundle: packages without what takes a command time and no command needs. */
import { spawnSync } from "node:child_process";

/**
 * commander loads what it starts subcommands with at once: 4 ms for something that no verb does. And it looks through all options for each
 * that is added, for both of its names: 0.6 ms for the hundred of `run`.
 */
export const leanCommander = {
  name: "lean-commander",
  transform(code, id) {
    if (!id.endsWith("/commander/lib/command.js")) return null;
    const changes = [
      ["const childProcess = require('node:child_process');", ""],
      ["childProcess.spawn(", "require('node:child_process').spawn("],
      ["return this.options.find((option) => option.is(arg));", "return this.optionOf?.get(arg);"],
      [
        "this.options.push(option);",
        "this.options.push(option); this.optionOf ??= new Map(); this.optionOf.set(option.short, option).set(option.long, option);",
      ],
    ];
    return { code: changes.reduce((text, [from, to]) => replaceIn(id, text, from, to), code) };
  },
};

function replaceIn(id, code, from, to) {
  if (!code.includes(from)) throw new Error(`Cannot bundle ${id}: it does not say ${from}`);
  return code.replaceAll(from, to);
}

/**
 * undici's index loads all that it can do, fetch and WebSocket too: 40 ms of a pull. This is what is used of it.
 * Its parser is WebAssembly, and V8 would soon compile it anew for speed: 0.1 s and 30 MB to parse a few dozen heads.
 */
export const leanUndici = {
  name: "lean-undici",
  load(id) {
    if (!id.endsWith("/undici/index.js")) return null;
    return `
const dispatcher = require("./lib/dispatcher/dispatcher");
dispatcher.prototype.request = require("./lib/api/api-request");
exports.Agent = require("./lib/dispatcher/agent");
exports.buildConnector = require("./lib/core/connect");
Object.defineProperty(exports, "EnvHttpProxyAgent", {
  enumerable: true,
  get() {
    dispatcher.prototype.connect = require("./lib/api/api-connect"); // how a proxy is asked for a tunnel
    return require("./lib/dispatcher/env-http-proxy-agent");
  },
});
exports.request = (url, { dispatcher = require("./lib/global").getGlobalDispatcher(), ...options } = {}) => {
  const { origin, pathname, search } = new URL(url);
  const method = options.method ?? (options.body ? "PUT" : "GET");
  return dispatcher.request({ ...options, origin, path: pathname + search, method });
};`;
  },
  transform(code, id) {
    if (!id.endsWith("/undici/lib/dispatcher/client-h1.js")) return null;
    const begins = "llhttpInstance = lazyllhttp()";
    if (!code.includes(begins)) throw new Error(`Cannot bundle ${id}: it does not say where its parser begins`);
    return { code: code.replace(begins, `require("node:v8").setFlagsFromString("${TIERING}2000000000"); ${begins}; ${AS_BEFORE}`) };
  },
};

/** A module takes its budget when it is made; after that the flag is put back, for V8 refuses code that was kept under other flags. */
const TIERING = "--wasm-tiering-budget=";
const USUAL = /default: --wasm-tiering-budget=(\d+)/.exec(spawnSync(process.execPath, ["--v8-options"], { encoding: "utf8" }).stdout)?.[1];
const AS_BEFORE = USUAL === undefined ? "" : `require("node:v8").setFlagsFromString("${TIERING}${USUAL}");`;
