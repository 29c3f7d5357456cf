import { expect, test } from "vitest";
import { Loop, retryDelay, type Outcome } from "../../orchestrator/controllers/loop.ts";
import { FakeClock, settle } from "./fake-clock.ts";

function harness(reconcile: (key: string) => Promise<Outcome | void>, workers = 1) {
  const clock = new FakeClock();
  const errors: string[] = [];
  const loop = new Loop({ clock, workers, reconcile, onError: (key, error) => errors.push(`${key}: ${String(error)}`) });
  return { clock, loop, errors };
}

test("a key added many times before its turn is looked at once", async () => {
  const seen: string[] = [];
  const { loop } = harness(async (key) => void seen.push(key));
  for (const key of ["a", "b", "a", "a"]) loop.add(key);
  await settle();
  expect(seen).toEqual(["a", "b"]);
});

test("a key is never in two workers, and is looked at again when it was added meanwhile", async () => {
  let release: (() => void)[] = [];
  let running = 0;
  let most = 0;
  let looks = 0;
  const { loop } = harness(async () => {
    most = Math.max(most, ++running);
    looks++;
    await new Promise<void>((resolve) => release.push(resolve));
    running--;
  }, 4);
  loop.add("a");
  await settle();
  loop.add("a");
  loop.add("a");
  await settle();
  release.forEach((go) => go());
  release = [];
  await settle();
  release.forEach((go) => go());
  await settle();
  expect({ most, looks }).toEqual({ most: 1, looks: 2 });
});

test("failures are retried ever more slowly, and a success starts over", async () => {
  const times: number[] = [];
  let fail = true;
  const { clock, loop, errors } = harness(async () => {
    times.push(clock.now());
    if (fail) throw new Error("not yet");
  });
  loop.add("a");
  await settle();
  await clock.advance(100);
  const start = times[0] ?? 0;
  expect(times.map((time) => time - start)).toEqual([0, 5, 15, 35, 75]);
  expect(errors).toHaveLength(5);
  fail = false;
  await clock.advance(100);
  await clock.advance(10_000);
  expect(times).toHaveLength(6);
});

test("the longest wait between retries is a thousand seconds", () => {
  expect([1, 2, 3, 18, 19, 40].map(retryDelay)).toEqual([5, 10, 20, 655_360, 1_000_000, 1_000_000]);
});

test("requeueAfter brings a key back, and the earliest of several delays counts", async () => {
  const times: number[] = [];
  const { clock, loop } = harness(async () => {
    times.push(clock.now());
    return times.length === 1 ? { requeueAfter: 1000 } : {};
  });
  const start = clock.now();
  loop.add("a");
  await settle();
  loop.addAfter("a", 5000);
  loop.addAfter("a", 300);
  await clock.advance(10_000);
  expect(times.map((time) => time - start)).toEqual([0, 300]);
});

test("closing waits for the worker and drops the rest", async () => {
  const seen: string[] = [];
  const { loop } = harness(async (key) => void seen.push(key));
  loop.add("a");
  await loop[Symbol.asyncDispose]();
  loop.add("b");
  await settle();
  expect(seen).toEqual([]);
});
