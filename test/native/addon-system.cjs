// The addon of system/ as addons.cjs drives it: what it is for, and what it must refuse without harm.
"use strict";
const assert = require("node:assert/strict");
const { createHash } = require("node:crypto");
const fs = require("node:fs");
const { join } = require("node:path");

const READABLE = 1;
const WRITABLE = 2;
const EAGAIN = 11;
const EADDRINUSE = 98;
const ECONNREFUSED = 111;

exports.systemCalls = async function systemCalls(addon, work) {
  locking(addon, work);
  digesting(addon);
  await programs(addon);
  await Promise.all(Array.from({ length: 20 }, () => talking(addon)));
  waiting(addon, join(work, "socket"));
  misuse(addon);
  const [left] = pair(addon);
  addon.setWatch(
    addon.watch(left, () => {}),
    READABLE,
    false,
  ); // under way when the process ends
};

function locking({ flock, closeOnExec }, work) {
  const path = join(work, "locked");
  const [first, second] = [fs.openSync(path, "w"), fs.openSync(path)];
  const [exclusive, now] = [2, 4];
  assert.deepEqual([flock(first, exclusive), flock(second, exclusive | now)], [true, false]);
  assert.throws(() => flock(9999, exclusive));
  assert.throws(() => flock("a"));
  closeOnExec();
}

function digesting({ sha256, random, wallClock }) {
  for (const text of ["", "a", "x".repeat(100_000)]) assert.equal(sha256(Buffer.from(text)), createHash("sha256").update(text).digest("hex"));
  assert.equal(random(32).length, 64);
  assert.notEqual(random(256), random(256));
  assert.ok(Math.abs(wallClock() - Date.now()) < 1000);
  for (const wrong of [() => sha256("a"), () => random(0), () => random(257), () => random("a")]) assert.throws(wrong, wrong.toString());
}

function pair({ socketPair }) {
  const ends = new Int32Array(2);
  assert.equal(socketPair(ends), 0);
  return ends;
}

async function ending({ pidfd, reap, watch, setWatch, unwatch }, pid) {
  const fd = pidfd(pid);
  return await new Promise((resolve) => {
    const it = watch(fd, () => {
      const status = reap(pid);
      if (status === -EAGAIN) return;
      unwatch(it);
      fs.closeSync(fd);
      resolve(status);
    });
    setWatch(it, READABLE, true);
  });
}

async function programs(addon) {
  const { start, receive } = addon;
  for (const [script, status] of [
    ["exit 3", 3 << 8],
    ["kill -9 $$", 9],
    ["exec true", 0],
  ])
    assert.equal(await ending(addon, start("sh", ["sh", "-c", script], undefined, "", [-1, -1, -1], false)), status);
  const [ours, theirs] = pair(addon);
  // Its descriptor comes to lie at 1, ours of the same number at 2: neither overwrites the other.
  const files = [-1, theirs, theirs, 0, 1];
  const pid = start("/bin/sh", ["sh", "-c", 'echo "$A $PWD $(ps -o sid= $$ | tr -d " ")" $$; echo no >&2'], ["A=b", "PATH=/bin:/usr/bin"], "/", files, true);
  fs.closeSync(theirs);
  await ending(addon, pid);
  const said = Buffer.alloc(100);
  assert.equal(said.toString("latin1", 0, receive(ours, said, 0)), `b / ${pid} ${pid}\nno\n`);
  fs.closeSync(ours);
  assert.equal(start("/nowhere/at/all", ["x"], undefined, "", [], false), -2);
  assert.equal(start("/bin/true", ["x"], undefined, "/nowhere", [], false), -2);
  assert.equal(start("/bin/true", ["x"], undefined, "", [9999], false), -9);
}

async function talking(addon) {
  const { watch, setWatch, unwatch, send, receive, endSending } = addon;
  const [mine, other] = pair(addon);
  const text = Buffer.alloc(1 << 20, "abc");
  let [sent, got] = [0, 0];
  const into = Buffer.alloc(64 << 10);
  await new Promise((resolve) => {
    const writer = watch(mine, (events) => {
      assert.equal(events, WRITABLE);
      const count = send(mine, text, sent);
      if (count > 0) sent += count;
      if (sent < text.length) return;
      setWatch(writer, 0, true);
      assert.equal(endSending(mine), 0);
    });
    const reader = watch(other, () => {
      const count = receive(other, into, 0);
      if (count > 0) got += count;
      if (count !== 0) return;
      unwatch(reader); // in its own callback, and twice
      unwatch(reader);
      setWatch(reader, READABLE, true);
      unwatch(writer);
      resolve();
    });
    setWatch(writer, WRITABLE, true);
    setWatch(reader, READABLE, true);
  });
  assert.deepEqual([sent, got], [text.length, text.length]);
  fs.closeSync(mine);
  fs.closeSync(other);
}

function waiting({ connectLocal, listenLocal, receive, send }, path) {
  const name = `\0strata-test/${process.pid}`;
  assert.equal(connectLocal(name), -ECONNREFUSED);
  const holder = listenLocal(name);
  assert.equal(listenLocal(name), -EADDRINUSE);
  const waiter = connectLocal(name);
  assert.equal(receive(waiter, Buffer.alloc(1), 0), -EAGAIN);
  fs.closeSync(holder);
  assert.ok(receive(waiter, Buffer.alloc(1), 0) !== -EAGAIN); // it hears of the end
  assert.ok(send(waiter, Buffer.alloc(1), 0) < 0);
  const file = listenLocal(path);
  assert.ok(file > 0 && fs.statSync(path).isSocket());
}

function misuse({ start, reap, pidfd, watch, setWatch, unwatch, connectLocal, socketPair, receive, send }) {
  assert.equal(pidfd(-1), -22);
  assert.equal(reap(1), -10);
  for (const wrong of [
    () => start(),
    () => start("sh", "sh", undefined, "", [], false),
    () => start("sh", ["sh", 1], undefined, "", [], false),
    () => start("sh", ["sh"], undefined, "", ["a"], false),
    () => start("sh", ["sh"], undefined, "", Array(300).fill(-1), false),
    () => watch(9999, () => {}),
    () => watch(0),
    () => setWatch({}, 1, true),
    () => unwatch(1),
    () => connectLocal(""),
    () => connectLocal("x".repeat(108)),
    () => socketPair(new Int32Array(1)),
    () => receive(0, "a", 0),
    () => receive(0, Buffer.alloc(1), 2),
    () => send(0, Buffer.alloc(1), -1),
  ])
    assert.throws(wrong, wrong.toString());
}
