// 標準入力の {chrome, addresses} のページを、Lighthouse(スマートフォン)で採点する。標準出力は採点の並び(JSON)。
import { readFileSync } from "node:fs";
import { launch } from "chrome-launcher";
import lighthouse from "lighthouse";

const { chrome, addresses } = JSON.parse(readFileSync(0, "utf8"));
const browser = await launch({ chromePath: chrome, chromeFlags: ["--headless=new", "--no-sandbox"] });
const results = [];
for (const address of addresses) {
  const { lhr } = await lighthouse(address, { port: browser.port, logLevel: "silent" });
  const scores = Object.fromEntries(
    Object.entries(lhr.categories).map(([name, { score }]) => [name, score]),
  );
  // 満点でない検査のうち、点に数えられるもの
  const lost = Object.values(lhr.categories).flatMap(({ auditRefs }) =>
    auditRefs
      .filter(({ id, weight }) => weight > 0 && lhr.audits[id].score !== null && lhr.audits[id].score < 0.9)
      .map(({ id }) => `${id} ${lhr.audits[id].displayValue ?? ""}`.trim()),
  );
  results.push({ address, scores, lost });
}
await browser.kill();
process.stdout.write(JSON.stringify(results));
