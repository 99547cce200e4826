// Firefoxを、WebDriver BiDi(ブラウザーを操る、W3Cの取り決め)で動かす。firefox.py が呼ぶ。
// 標準入力の1行が1つの仕事 [名前, 窓の番号, 引数, …] で、標準出力の1行がその答え {value} か {error}(どれもJSON)。
import { createInterface } from "node:readline";
import puppeteer from "puppeteer-core";

const LATE = 60_000; // 1つの仕事を待つ時間(ミリ秒)
const [executablePath] = process.argv.slice(2);
const browser = await puppeteer.launch({
  browser: "firefox",
  executablePath,
  protocolTimeout: LATE,
  // Firefoxは、つながらなかったWebSocketの次を待たせる。逃げようとするプログラムの試しが、前の試しに左右されないように
  extraPrefsFirefox: { "network.websocket.delay-failed-reconnects": false },
});
const windows = new Map();

/** 式の値。関数なら、呼んだ値。 */
const called = (source, given) => `(() => {
  const value = (${source});
  return typeof value === "function" ? value(${JSON.stringify(given)}) : value;
})()`;

const jobs = {
  /** 何も持たない新しい窓で開く。 */
  async open(number, address, width) {
    const context = await browser.createBrowserContext();
    const page = await context.newPage();
    const opened = { context, page, errors: [], requests: [] };
    windows.set(number, opened);
    page.setDefaultTimeout(LATE);
    await page.setViewport({ width, height: 900 });
    page.on("pageerror", (error) => opened.errors.push(String(error)));
    page.on("console", (said) => said.type() === "error" && opened.errors.push(said.text()));
    page.on("request", (request) => opened.requests.push(request.url()));
    await page.goto(address, { waitUntil: "load" });
  },
  close: (number) => windows.get(number).context.close(),
  evaluate: (number, source, given) => windows.get(number).page.evaluate(called(source, given)),
  async waitFor(number, source, given) {
    await windows.get(number).page.waitForFunction(called(source, given));
  },
  async click(number, selector) {
    const { page } = windows.get(number);
    // 読者と同じに、見えるまで送り、動かなくなってから押す
    const still = await page.waitForFunction(
      (wanted) => {
        const element = document.querySelector(wanted);
        const { x, y, width, height } = element.getBoundingClientRect();
        const at = [x + width / 2, y + height / 2];
        const before = element.dataset.seenAt;
        element.dataset.seenAt = at;
        if (!element.contains(document.elementFromPoint(...at))) {
          element.scrollIntoView({ block: "center" });
        } else if (before === String(at)) return at;
        return false;
      },
      { polling: 100 },
      selector,
    );
    await page.mouse.click(...(await still.jsonValue()));
  },
  async press(number, ...keys) {
    const { keyboard } = windows.get(number).page;
    for (const key of keys) await keyboard.down(key);
    for (const key of keys.toReversed()) await keyboard.up(key);
  },
  type: (number, text) => windows.get(number).page.keyboard.type(text),
  async screenshot(number, path) {
    await windows.get(number).page.screenshot({ path });
  },
  async seen(number) {
    const { context, errors, requests } = windows.get(number);
    return { errors, requests, pages: (await context.pages()).length };
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const [name, ...given] = JSON.parse(line);
  const answer = await jobs[name](...given).then(
    (value) => ({ value }),
    (error) => ({ error: String(error?.stack ?? error) }),
  );
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
await browser.close();
