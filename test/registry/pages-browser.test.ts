/** The pages as Chromium shows them: wide and on a phone, light and dark, with and without a script. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startChromium, type BrowserTab, type Chromium, type TabOptions } from "../support/chromium.ts";
import { startRegistry, type TestRegistry } from "./registry.ts";
import { HOSTILE, pushShownImage } from "./shown-image.ts";

/** A folder for pictures of every page, for whoever wants to look. */
const PICTURES = process.env["STRATA_TEST_PICTURES"];
let registry: TestRegistry;
let browser: Chromium;
let pages: Readonly<Record<"repositories" | "tags" | "image" | "layer" | "hidden" | "odd" | "compare" | "missing", string>>;

beforeAll(async () => {
  [registry, browser] = await Promise.all([startRegistry({ logFormat: "none" }), startChromium()]);
  const { descriptor } = await pushShownImage(registry, "team/shown", "v1");
  await pushShownImage(registry, "team/shown", `v2-${"with-a-very-long-name-".repeat(5)}`, 9090);
  const layer = (number: number): string => `/ui/team/shown@${descriptor.digest}/-/layer?n=${number}`;
  pages = {
    repositories: "/",
    tags: "/ui/team/shown",
    image: "/ui/team/shown:v1",
    layer: layer(1),
    hidden: layer(2),
    odd: `${layer(3)}&path=odd`,
    compare: `/ui/team/shown/-/compare?a=v1&b=v2-${"with-a-very-long-name-".repeat(5)}`,
    missing: "/ui/no/such",
  };
});
afterAll(async () => {
  await browser[Symbol.asyncDispose]();
  await registry[Symbol.asyncDispose]();
});

async function show(page: keyof typeof pages, options: TabOptions = {}): Promise<BrowserTab> {
  const tab = await browser.newTab(options);
  await expect
    .poll(
      async () => {
        await tab.open(registry.url + pages[page]);
        return await text(tab);
      },
      { timeout: 25_000 },
    )
    .not.toContain("being read");
  return tab;
}

const text = async (tab: BrowserTab, selector = "main"): Promise<string> => await tab.evaluate(`document.querySelector(${JSON.stringify(selector)}).innerText`);
const count = async (tab: BrowserTab, selector: string): Promise<number> => await tab.evaluate(`document.querySelectorAll(${JSON.stringify(selector)}).length`);

async function keepPicture(tab: BrowserTab, name: string): Promise<void> {
  if (PICTURES === undefined) return;
  mkdirSync(PICTURES, { recursive: true });
  writeFileSync(join(PICTURES, `${name}.png`), await tab.screenshot());
}

test.each([
  ["phone", { width: 390 }],
  ["wide", { width: 1100 }],
  ["dark", { width: 1100, dark: true }],
] as const)("every page fits on a screen, %s: nothing is cut off or scrolls sideways", async (name, options) => {
  for (const page of Object.keys(pages) as (keyof typeof pages)[]) {
    const tab = await show(page, options);
    await tab.evaluate("document.querySelectorAll('details').forEach((one) => (one.open = true))");
    expect([page, await tab.evaluate("document.scrollingElement.scrollWidth <= innerWidth")]).toEqual([page, true]);
    const beyond = "[...document.querySelectorAll('main *:not(.unseen)')].filter((one) => one.getBoundingClientRect().right > innerWidth + 1).length";
    expect([page, await tab.evaluate(beyond)]).toEqual([page, 0]);
    await keepPicture(tab, `${name}-${page}`);
  }
});

test("colours follow the system, and text stands out from them", async () => {
  const contrast = `(() => {
    const numbers = (colour) => colour.match(/[\\d.]+/g).slice(0, 3).map((part) => part / 255);
    const light = (colour) => numbers(colour).map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4)).reduce((sum, part, at) => sum + part * [0.2126, 0.7152, 0.0722][at], 0);
    const back = light(getComputedStyle(document.body).backgroundColor);
    const texts = ["body", "main a", ".quiet", ".added", ".changed", ".hidden", "dt"].map((name) => document.querySelector(name)).filter(Boolean);
    return [back, ...texts.map((one) => light(getComputedStyle(one).color)).map((text) => (Math.max(text, back) + 0.05) / (Math.min(text, back) + 0.05))];
  })()`;
  for (const dark of [false, true]) {
    const tab = await show("hidden", { dark });
    const [back = 0.5, ...contrasts] = await tab.evaluate<readonly number[]>(contrast);
    expect(back > 0.5).toBe(!dark);
    expect(contrasts.length).toBeGreaterThan(5);
    expect(Math.min(...contrasts)).toBeGreaterThanOrEqual(4.5); // WCAG 2.2 AA
  }
});

test("without a script lists, trees and search are all there, only without buttons", async () => {
  const tags = await show("tags", { script: false });
  expect(await text(tags)).toMatch(/v2-with[\s\S]*v1/);
  const layer = await show("hidden", { script: false });
  expect(await count(layer, "button")).toBe(0);
  await layer.evaluate("document.querySelectorAll('summary').forEach((one) => one.click())");
  expect(await text(layer, ".tree")).toMatch(/etc\/[\s\S]*passwd[\s\S]*tmp\/[\s\S]*cache/);
  await layer.evaluate("document.querySelector('.tree a').click()");
  await expect.poll(async () => await text(layer, ".trail").catch(() => "")).toMatch(/^\/etc\/|^\/srv\//);
  expect(await text(await show("image", { script: false }), ".command")).toBe(`docker pull ${registry.host}/team/shown:v1`);
});

test("the button copies the command that is beside it", async () => {
  const tab = await show("image");
  await tab.send("Browser.grantPermissions", { origin: registry.url, permissions: ["clipboardReadWrite", "clipboardSanitizedWrite"] });
  await tab.send("Page.bringToFront");
  expect(await count(tab, "button.copy")).toBe(3);
  await tab.evaluate("document.querySelectorAll('button.copy')[1].click()");
  await expect.poll(async () => await text(tab, "button.copy ~ pre ~ button.copy")).toBe("Copied");
  expect(await tab.evaluate("navigator.clipboard.readText()")).toBe(`podman pull --tls-verify=false ${registry.host}/team/shown:v1`);
});

test("a tree unfolds and folds as a whole", async () => {
  const tab = await show("hidden");
  expect([(await count(tab, ".tree details")) > 2, await count(tab, ".tree details[open]")]).toEqual([true, 0]);
  await tab.evaluate("document.querySelector('.fold button').click()");
  expect(await count(tab, ".tree details:not([open])")).toBe(0);
  await tab.evaluate("document.querySelector('.fold button:last-child').click()");
  expect(await count(tab, ".tree details[open]")).toBe(0);
});

test("nothing that was pushed becomes markup, runs or turns text around", async () => {
  const odd = await show("odd");
  const shown = await text(odd, ".tree");
  for (const name of [HOSTILE.script.split("/")[0]!, HOSTILE.attribute, "cod\\u{202e}gnp.exe", "two\\u{a}lines\\u{1b}[31m", "stray-\\xff-byte"])
    expect(shown).toContain(name);
  const image = await show("image");
  expect(await text(image)).toContain("COPY <img src=x onerror=window.hacked=3> /odd");
  for (const tab of [odd, image]) {
    await tab.evaluate("document.querySelectorAll('main *').forEach((one) => one.dispatchEvent(new MouseEvent('mouseover', { bubbles: true })))");
    expect(await tab.evaluate("[typeof window.hacked, document.querySelectorAll('main script, main img').length]")).toEqual(["undefined", 0]);
    const inline =
      "(() => { const made = document.createElement('script'); made.textContent = 'window.hacked = 4'; document.body.append(made); return typeof window.hacked; })()";
    expect(await tab.evaluate(inline)).toBe("undefined"); // the policy of the page forbids it
  }
});

test("who cannot see finds headings, names and labels, and gets to everything by keyboard", async () => {
  const tab = await show("image");
  expect(await tab.evaluate("[...document.querySelectorAll('h1, h2')].map((one) => one.localName).join()")).toMatch(/^h1(,h2)+$/);
  expect(await tab.evaluate("[document.documentElement.lang, document.title]")).toEqual(["en", "team/shown:v1 – registry"]);
  await tab.send("Accessibility.enable");
  const { nodes } = (await tab.send("Accessibility.getFullAXTree")) as {
    readonly nodes: readonly { readonly ignored: boolean; readonly role?: { readonly value: string }; readonly name?: { readonly value: string } }[];
  };
  const named = (role: string): readonly string[] => nodes.filter((node) => !node.ignored && node.role?.value === role).map(({ name }) => name?.value ?? "");
  for (const role of ["link", "button", "heading", "combobox", "table", "region"]) {
    expect([role, named(role).length > 0, named(role).filter((name) => name === "")]).toEqual([role, true, []]);
  }
  expect(named("link")).toContain("Files of layer 2");
  const press = async (key: string, code: number): Promise<void> => {
    for (const type of ["keyDown", "keyUp"])
      await tab.send("Input.dispatchKeyEvent", {
        type,
        key,
        code: key,
        windowsVirtualKeyCode: code,
        ...(type === "keyDown" && key === "Enter" ? { text: "\r" } : {}),
      });
  };
  await press("Tab", 9);
  expect(await tab.evaluate("document.activeElement.className")).toBe("skip");
  await tab.evaluate("document.querySelector('summary').focus()");
  await press("Enter", 13);
  expect(await count(tab, "details[open]")).toBe(1);
});
