// node load.mjs URL REQUESTS_A_SECOND SECONDS: a steady load, and who answered it.
const [, , url, rate = "15", seconds = "30"] = process.argv;
const answers = new Map();
let failed = 0;

async function ask() {
  try {
    const response = await fetch(url, { headers: { connection: "close" }, signal: AbortSignal.timeout(10_000) });
    const text = (await response.text()).trim();
    if (!response.ok) throw new Error(String(response.status));
    answers.set(text, (answers.get(text) ?? 0) + 1);
  } catch (error) {
    failed++;
    console.error(error.cause?.message ?? error.message);
  }
}

const pending = [];
const timer = setInterval(() => pending.push(ask()), 1000 / Number(rate));
await new Promise((resolve) => {
  setTimeout(resolve, Number(seconds) * 1000);
});
clearInterval(timer);
await Promise.all(pending);
for (const [text, count] of [...answers].toSorted(([, one], [, other]) => other - one)) console.log(`${count}\t${text}`);
console.log(`${failed}\tfailed`);
process.exitCode = failed === 0 ? 0 : 1;
