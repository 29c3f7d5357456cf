import { createServer } from "node:http2";
import type { AddressInfo } from "node:net";
import { expect, test } from "vitest";
import { checkGrpcHealth } from "../../orchestrator/kubelet/probes/grpc-health.ts";
import type { ContainerSpec } from "../../orchestrator/kubelet/pod-spec.ts";
import { Prober } from "../../orchestrator/kubelet/probes/prober.ts";
import { FakeClock } from "./fake-clock.ts";

interface Probing {
  readonly prober: Prober;
  readonly clock: FakeClock;
  readonly asked: readonly string[];
  /** What the container answers from now on. */
  readonly world: { ok: boolean };
}

function probing(container: Partial<ContainerSpec>): Probing {
  const clock = new FakeClock();
  const asked: string[] = [];
  const world = { ok: true };
  const names = new Map([
    [container.startupProbe, "startup"],
    [container.readinessProbe, "readiness"],
    [container.livenessProbe, "liveness"],
  ]);
  const prober = new Prober({
    container: { name: "c", image: "i", ...container },
    clock,
    run: async (probe) => {
      asked.push(names.get(probe) ?? "?");
      return world.ok ? { ok: true } : { ok: false, message: "no" };
    },
    onChange: () => {},
    onFailure: () => {},
  });
  return { prober, clock, asked, world };
}

test("without probes a container is started and ready at once", () => {
  using prober = probing({}).prober;
  expect(prober.results).toEqual({ started: true, ready: true });
});

test("startup holds the other probes back, and gives up after its failures", async () => {
  const startupProbe = { periodSeconds: 5, failureThreshold: 3 };
  const patient = probing({ startupProbe, readinessProbe: { periodSeconds: 10 } });
  patient.world.ok = false;
  await patient.clock.advance(6000);
  expect(patient.asked).toEqual(["startup", "startup"]);
  patient.world.ok = true;
  await patient.clock.advance(6000);
  expect(patient.prober.results).toEqual({ started: true, ready: true });
  const failing = probing({ startupProbe });
  failing.world.ok = false;
  await failing.clock.advance(60_000);
  expect(failing.asked).toHaveLength(3);
  expect(failing.prober.results.failed).toEqual({ probe: "startup" });
});

test("liveness gives up after three failures in a row, not before", async () => {
  const probe = probing({ livenessProbe: { periodSeconds: 10, terminationGracePeriodSeconds: 4 } });
  probe.world.ok = false;
  await probe.clock.advance(11_000);
  probe.world.ok = true;
  await probe.clock.advance(10_000);
  probe.world.ok = false;
  await probe.clock.advance(20_000);
  expect(probe.prober.results.failed).toBeUndefined();
  await probe.clock.advance(10_000);
  expect(probe.prober.results.failed).toEqual({ probe: "liveness", grace: 4 });
});

test("readiness comes and goes by its thresholds", async () => {
  const probe = probing({ readinessProbe: { periodSeconds: 10, failureThreshold: 2 } });
  await probe.clock.advance(0);
  expect(probe.prober.results.ready).toBe(true);
  probe.world.ok = false;
  await probe.clock.advance(10_000);
  expect(probe.prober.results.ready).toBe(true);
  await probe.clock.advance(10_000);
  expect(probe.prober.results.ready).toBe(false);
  probe.world.ok = true;
  await probe.clock.advance(10_000);
  expect(probe.prober.results.ready).toBe(true);
});

const strangeAnswers = [
  { name: "a message that is not well encoded", trailers: { "grpc-status": "2", "grpc-message": "50% of it" }, says: "desc = 50% of it" },
  { name: "a message that is", trailers: { "grpc-status": "2", "grpc-message": "no%20luck" }, says: "desc = no luck" },
  { name: "far more than an answer", body: Buffer.alloc(100_000), trailers: { "grpc-status": "0" }, says: "the answer is longer than" },
];

test.each(strangeAnswers)("a gRPC probe survives $name", async ({ body = Buffer.alloc(0), trailers, says }) => {
  const server = createServer();
  server.on("stream", (stream) => {
    stream.on("error", () => {}); // the probe hangs up
    stream.on("wantTrailers", () => stream.sendTrailers(trailers));
    stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
    stream.end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const verdict = await checkGrpcHealth({ host: "127.0.0.1", port }, 60_000, AbortSignal.timeout(60_000));
  server.close();
  expect(verdict).toEqual({ ok: false, message: expect.stringContaining(says) });
});
