/** Ports by the thousand: chosen to the last one that is free, and refused when there is none, without an end that never comes. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { claimPorts } from "../../runtime/network/ports.ts";
import type { PortMapping } from "../../runtime/networks.ts";

const [low = 0, high = 0] = readFileSync("/proc/sys/net/ipv4/ip_local_port_range", "latin1").split(/\s+/).map(Number);
const WISH: PortMapping = { hostPort: 0, containerPort: 80, protocol: "tcp" };

function from(first: number, count: number): readonly PortMapping[] {
  return Array.from({ length: count }, (_, at) => ({ hostPort: first + at, containerPort: 80, protocol: "tcp" }));
}

/** Each port from which we choose, and the kernel then, but for its last ones. */
function allBut(last: number): readonly PortMapping[] {
  return [...from(20_000, 10_000), ...from(low, high - low + 1 - last)];
}

test("a port is chosen among those that the kernel gives to no program that asks for any", async () => {
  expect(low).toBeGreaterThan(30_000);
  for (const { hostPort } of await claimPorts(
    from(0, 20).map(() => WISH),
    from(20_000, 5_000),
  )) {
    expect(hostPort).toBeGreaterThanOrEqual(20_000);
    expect(hostPort).toBeLessThan(30_000);
  }
});

test("what is left of the kernel's choice is found, and none of it twice", async () => {
  const found = await claimPorts(
    Array.from({ length: 5 }, () => WISH),
    allBut(100),
  );
  const numbers = found.map(({ hostPort }) => hostPort);
  expect(new Set(numbers).size).toBe(5);
  for (const number of numbers) expect(number).toBeGreaterThan(high - 100);
});

test("when all are taken that is said", async () => {
  await expect(claimPorts([WISH], allBut(0))).rejects.toMatchObject({
    code: "PORT_IN_USE",
    message: expect.stringMatching(/all ports from \d+ to \d+ are taken/) as string,
  });
});

test("a range of thousands is had, each as it was asked for", async () => {
  const wanted = Array.from({ length: 4000 }, (_, at): PortMapping => ({
    hostIP: "127.99.88.77",
    hostPort: 2000 + at,
    containerPort: 2000 + at,
    protocol: "udp",
  }));
  expect(await claimPorts(wanted, [])).toEqual(wanted);
  await expect(claimPorts([...wanted, wanted[0]!], [])).rejects.toMatchObject({
    message: "Bind for 127.99.88.77:2000 failed: port is already allocated",
  });
});
