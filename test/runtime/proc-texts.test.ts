/** The texts of /proc that stand for a smaller machine. */
import { describe, expect, test } from "vitest";
import { procTexts, visibleCpus } from "../../runtime/engine/proc/texts.ts";

const machine = {
  meminfo:
    "MemTotal:       24684096 kB\nMemFree:        21650000 kB\nMemAvailable:   23800000 kB\nCached:          2000000 kB\nSwapTotal:       1000000 kB\nSwapFree:         900000 kB\nHugepagesize:       2048 kB\n",
  cpuinfo: "processor\t: 0\nsiblings\t: 2\ncpu cores\t: 2\nflags\t: fpu\n\nprocessor\t: 1\nsiblings\t: 2\ncpu cores\t: 2\nflags\t: fpu\n\n",
  stat: "cpu  30 1 5 100\ncpu0 10 0 2 50\ncpu1 20 1 3 50\nintr 7 0\nctxt 9\nbtime 1\n",
};

describe("texts", () => {
  test("none without limits", () => expect(procTexts(machine, {})).toEqual({}));

  test("memory: the limit, all of it free, columns kept", () => {
    expect(procTexts(machine, { memory: 128 << 20 })).toEqual({
      "/proc/meminfo":
        "MemTotal:         131072 kB\nMemFree:          131072 kB\nMemAvailable:     131072 kB\nCached:                0 kB\nSwapTotal:       1000000 kB\nSwapFree:        1000000 kB\nHugepagesize:       2048 kB\n",
    });
  });

  test.each([
    { name: "no swap left", swap: 0, want: "0 kB" },
    { name: "no more swap than the machine has", swap: 2 ** 40, want: "1000000 kB" },
    { name: "some swap", swap: 1024 * 1000, want: "1000 kB" },
  ])("$name", ({ swap, want }) => {
    expect(procTexts(machine, { memory: 1 << 20, swap })["/proc/meminfo"]).toMatch(new RegExp(`SwapTotal: +${want}\n`));
  });

  test("cpus: the first ones, their sum on top", () => {
    expect(procTexts(machine, { cpus: 1 })).toEqual({
      "/proc/cpuinfo": "processor\t: 0\nsiblings\t: 1\ncpu cores\t: 1\nflags\t: fpu\n\n",
      "/proc/stat": "cpu  10 0 2 50\ncpu0 10 0 2 50\nintr 7 0\nctxt 9\nbtime 1\n",
      "/sys/devices/system/cpu/online": "0\n",
    });
    expect(procTexts(machine, { cpus: 2 })["/sys/devices/system/cpu/online"]).toBe("0-1\n");
  });
});

test.each([
  { name: "nothing limited", limits: {}, want: undefined },
  { name: "a quota is rounded up", limits: { quota: 150_000 }, want: 2 },
  { name: "with its own period", limits: { quota: 50_000, period: 50_000 }, want: 1 },
  { name: "less than one is one", limits: { quota: 1000 }, want: 1 },
  { name: "a quota of no limit", limits: { quota: -1 }, want: undefined },
  { name: "a cpuset is counted", limits: { cpuset: "0-1,3" }, want: 3 },
  { name: "the smaller of both", limits: { cpuset: "0-2", quota: 200_000 }, want: 2 },
  { name: "more than the machine has", limits: { quota: 900_000 }, want: undefined },
])("cpus to see of four: $name", ({ limits, want }) => expect(visibleCpus(4, limits)).toBe(want));
