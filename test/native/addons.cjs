/**
 * What the addons do, in a plain node: addons.test.ts runs it with sanitized ones. Usage: node addons.cjs FOLDER WORK: where the addons are, and an empty folder.
 * Prints "done" when nothing was found.
 */
"use strict";
const assert = require("node:assert/strict");
const { createHash, randomBytes } = require("node:crypto");
const { once } = require("node:events");
const fs = require("node:fs");
const net = require("node:net");
const { join } = require("node:path");
const { Worker } = require("node:worker_threads");
const zlib = require("node:zlib");
const { systemCalls } = require("./addon-system.cjs");

const [folder, work] = process.argv.slice(2);
const load = (name) => require(join(folder, `${name}.node`));
const sha256 = (bytes) => createHash("sha256").update(bytes).digest("hex");

/** Two ends of a connection: ours, whose descriptor an addon gets, and the other's. */
async function connection() {
  const server = net.createServer({ pauseOnConnect: true }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const other = net.connect(server.address().port, "127.0.0.1").on("error", () => {});
  const [own] = await once(server, "connection");
  server.close();
  return { own: own.on("error", () => {}), other, fd: own._handle.fd };
}

function file(name, bytes = "") {
  fs.writeFileSync(join(work, name), bytes);
  return fs.openSync(join(work, name), "r+");
}

/** Begins one; settles with what its end tells. */
function begin(start) {
  let transfer;
  const ended = new Promise((resolve) => {
    transfer = start((errno, digest, isOfFile) => resolve({ errno, digest, isOfFile }));
  });
  return { transfer, ended };
}

async function receiving(transfers, bytes) {
  const { own, other, fd } = await connection();
  const target = file("received");
  const head = bytes.subarray(0, 1000);
  const { transfer, ended } = begin((done) => transfers.receive(fd, target, 0, bytes.length - head.length, head, done));
  own.destroy(); // it has a descriptor of its own
  other.write(bytes.subarray(head.length));
  assert.deepEqual(await ended, { errno: 0, digest: sha256(bytes), isOfFile: false });
  assert.equal(transfers.moved(transfer), bytes.length - head.length);
  transfers.stop(transfer); // of no effect any more
  transfers.cut(transfer);
  assert.equal(sha256(fs.readFileSync(join(work, "received"))), sha256(bytes));
  other.destroy();
  fs.closeSync(target);
}

async function receivingOn(transfers, bytes) {
  const [hash, target] = [transfers.hash(), file("received-on")];
  const half = bytes.length >> 1;
  fs.writeSync(target, bytes, 0, 7);
  transfers.add(hash, bytes.subarray(0, 7));
  for (const [start, end] of [
    [7, half],
    [half, bytes.length],
  ]) {
    const { other, own, fd } = await connection();
    const { ended } = begin((done) => transfers.receive(fd, target, start, end - start, Buffer.alloc(0), done, hash));
    other.write(bytes.subarray(start, end));
    assert.deepEqual(await ended, { errno: 0, digest: undefined, isOfFile: false });
    other.destroy();
    own.destroy();
  }
  assert.equal(transfers.digest(hash), sha256(bytes));
  fs.closeSync(target);
}

async function sending(transfers, bytes) {
  const { own, other, fd } = await connection();
  const source = file(`sent-${fd}`, bytes);
  const { ended } = begin((done) => transfers.send(fd, source, 5, bytes.length - 5, done));
  const came = createHash("sha256");
  let count = 0;
  for await (const chunk of other) {
    came.update(chunk);
    if ((count += chunk.length) === bytes.length - 5) break;
  }
  assert.equal((await ended).errno, 0);
  assert.equal(came.digest("hex"), sha256(bytes.subarray(5)));
  own.destroy();
  fs.closeSync(source);
}

/** However one ends, it ends once, and says how. */
async function endings(transfers) {
  const rows = [
    { end: ({ other }) => other.destroy(), code: "ECONNRESET" },
    { end: (_, transfer) => transfers.cut(transfer), code: "ECANCELED" },
    { end: (_, transfer) => transfers.stop(transfer), code: "ECANCELED" },
    { end: ({ other }) => other.write(Buffer.alloc(9000)), code: "ENOSPC", target: "/dev/full", isOfFile: true },
  ];
  const constants = require("node:os").constants.errno;
  for (const { end, code, target, isOfFile = false } of rows) {
    const both = await connection();
    const fd = target === undefined ? file("ended") : fs.openSync(target, "w");
    const { transfer, ended } = begin((done) => transfers.receive(both.fd, fd, 0, 1 << 20, Buffer.alloc(0), done, transfers.hash()));
    end(both, transfer);
    assert.deepEqual(await ended, { errno: constants[code], digest: undefined, isOfFile }, code);
    both.own.destroy();
    both.other.destroy();
    fs.closeSync(fd);
  }
}

/** Wrong arguments are refused, and nothing is held. */
function misuse(transfers) {
  const none = () => {};
  const target = file("misused");
  const calls = [
    () => transfers.send(),
    () => transfers.send("a", target, 0, 1, none),
    () => transfers.send(target, target, -1, 1, none),
    () => transfers.send(target, target, 0, 1, "no function"),
    () => transfers.send(9999, target, 0, 1, none),
    () => transfers.receive(target, target, 0, 1, "no buffer", none),
    () => transfers.receive(target, target, 0, 1, Buffer.alloc(1), none), // no socket
    () => transfers.receive(target, target, 0, 1, Buffer.alloc(1), none, {}),
    () => transfers.moved({}),
    () => transfers.stop(),
    () => transfers.add(transfers.hash(), "text"),
    () => transfers.add({}, Buffer.alloc(1)),
    () => transfers.digest(),
  ];
  for (const call of calls) assert.throws(call, call.toString());
  fs.closeSync(target);
}

/** Another thread of Node is told, and this one goes on. */
async function secondThread() {
  const code = `try { require(${JSON.stringify(join(folder, "strata-transfer.node"))}); process.exit(1); } catch (error) { console.log(error.message); }`;
  const worker = new Worker(code, { eval: true, stdout: true });
  const said = [];
  worker.stdout.on("data", (text) => said.push(text));
  const [status] = await once(worker, "exit");
  assert.equal(status, 0);
  assert.match(Buffer.concat(said).toString(), /another thread of this process has the transfers/);
}

function inflating({ openInflate, resetInflate, inflate }, bytes) {
  const packed = zlib.gzipSync(bytes);
  const [stream, output, counts, out] = [openInflate(), Buffer.alloc(777), new Int32Array(2), []];
  for (let round = 0; round < 2; round++) {
    for (let at = 0, code = 0; code !== 1;) {
      code = inflate(stream, packed.subarray(at, at + 501), output, counts);
      assert.ok(code >= 0 || code === -5, String(code));
      out.push(Buffer.from(output.subarray(0, counts[1])));
      at += counts[0];
    }
    resetInflate(stream);
  }
  assert.equal(sha256(Buffer.concat(out)), sha256(Buffer.concat([bytes, bytes])));
  assert.equal(inflate(stream, randomBytes(100), output, counts), -3);
  for (const wrong of [
    () => inflate(),
    () => inflate(stream, "a", output, counts),
    () => inflate(stream, output, output, new Int32Array(1)),
    () => inflate({}, output, output, counts),
  ])
    assert.throws(wrong, wrong.toString());
}

async function deflating({ deflate, joinCrc }, bytes) {
  const block = bytes.subarray(0, 512 << 10);
  for (const level of [0, 1, 9]) {
    const [output, result] = [Buffer.alloc(1 << 20), new Uint32Array(2)];
    await deflate(block, Buffer.alloc(0), output, result, level);
    const raw = Buffer.concat([output.subarray(0, result[0]), Buffer.from([3, 0])]); // and an empty last block
    assert.equal(sha256(zlib.inflateRawSync(raw)), sha256(block));
  }
  await assert.rejects(deflate(block, Buffer.alloc(0), Buffer.alloc(100), new Uint32Array(2), 1));
  assert.throws(() => deflate(block, "a", block, new Uint32Array(2), 1));
  assert.throws(() => joinCrc(1));
}

async function main() {
  const [transfers, bytes] = [load("strata-transfer"), randomBytes(6 << 20)];
  await receiving(transfers, bytes);
  await receivingOn(transfers, bytes);
  await Promise.all(Array.from({ length: 8 }, () => sending(transfers, bytes)));
  await endings(transfers);
  misuse(transfers);
  await secondThread();
  inflating(load("strata-zlib"), bytes.subarray(0, 1 << 20));
  await deflating(load("strata-zlib"), bytes);
  await systemCalls(load("strata-system"), work);
  const { own, fd } = await connection(); // under way when the process ends
  begin((done) => transfers.receive(fd, file("left"), 0, 1 << 20, Buffer.alloc(0), done));
  own.destroy();
}

main()
  .then(
    () => process.stdout.write("done\n"),
    (error) => process.stdout.write(`${error.stack}\n`),
  )
  .finally(() => process.exit());
