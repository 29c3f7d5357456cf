// vitest reporter: ends a run with `N passed, N failed` alone on a line, and leaves it in .cache/test-totals.
import { mkdirSync, writeFileSync } from "node:fs";

export default class Totals {
  onTestRunEnd(modules, unhandled) {
    const count = { passed: 0, failed: unhandled.length, skipped: 0, pending: 0 };
    for (const module of modules) {
      count.failed += module.errors().length;
      for (const suite of module.children.allSuites()) count.failed += suite.errors().length;
      for (const test of module.children.allTests()) count[test.result().state] += 1;
    }
    const lines = [`${count.passed} passed, ${count.failed + count.pending} failed`];
    if (count.skipped > 0) lines.unshift(`${count.skipped} skipped`);
    process.once("exit", () => process.stdout.write(`${lines.join("\n")}\n`));
    mkdirSync(".cache", { recursive: true });
    writeFileSync(".cache/test-totals", `${lines.join("\n")}\n`);
  }
}
