/* driver: Debian's Chromium, led by lines of JSON. {"id", "page", "call", "args"} on stdin is answered by {"id", "result"} or {"id", "error"}
 * on stdout. call "open" makes a page in a context of its own, from its options, and answers its number; "close" ends it and answers what
 * went wrong in its console; anything else is a method of Playwright's Page, e.g. "click" or "keyboard.press". It ends with its stdin. */
import { createInterface } from "node:readline";
import { chromium } from "playwright-core";

/* The rest keeps Chromium from looking for Google's hosts at each start. */
const SWITCHES = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync"];
/* An answer that is an error, or none, is written to the console by the browser itself; which there may be is for the tests to know. */
const EXPECTED = /^Failed to load resource/;

const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: SWITCHES });
const pages = [];

async function open(options) {
    const { patience, ...rest } = options;
    const context = await browser.newContext(rest);
    const page = await context.newPage();
    const errors = [];

    page.setDefaultTimeout(patience);
    page.on("console", (said) => {
        if (["error", "warning"].includes(said.type()) && !EXPECTED.test(said.text()))
            errors.push(said.text());
    });
    page.on("pageerror", (error) => errors.push(String(error.stack ?? error)));
    return pages.push({ page, errors }) - 1;
}

async function close({ page, errors }) {
    await page.context().close();
    return errors;
}

async function perform({ page: number, call, args }) {
    if (call === "open")
        return open(...args);
    if (call === "close")
        return close(pages[number]);
    const path = call.split(".");
    const method = path.pop();
    const owner = path.reduce((object, name) => object[name], pages[number].page);
    const result = await owner[method](...args);
    // Responses, handles and bytes of a picture stay here.
    return typeof result === "object" && result !== null && !Array.isArray(result) && Object.getPrototypeOf(result) !== Object.prototype
        ? null : result;
}

for await (const line of createInterface({ input: process.stdin })) {
    const order = JSON.parse(line);
    const answer = { id: order.id };
    try {
        answer.result = (await perform(order)) ?? null;
    } catch (error) {
        answer.error = error.message;
    }
    process.stdout.write(`${JSON.stringify(answer)}\n`);
}
await browser.close();
