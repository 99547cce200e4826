"""ページの中でプログラムが動きだすまでの時間を測る(``make bench``)。先に ``make book`` で作っておく。

ループバックのサーバーから、Chromiumで、次の4つを3回ずつ測り、中央の値を書く。

- 初めて: 何も持たないブラウザーが、「実行」から最初の出力まで
- 2度目のページ: ファイルをもう受け取っているブラウザーで、同じことを
- 動いているとき: 次のセルの最初の出力まで
- 止めてから: 終わらないくり返しを止めて、次が動くまで
"""

from __future__ import annotations

import functools
import http.server
import statistics
import sys
import threading
from pathlib import Path

from playwright.sync_api import BrowserContext, sync_playwright

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tools"))
import browser as tool  # noqa: E402 tools/はパッケージではないので、道を足してから読み込む

SITE = ROOT / "_build" / "html"
REPEAT = 3
SPARE = 8_000  # 予備のワーカーができるまで待つ時間(ミリ秒)
FIRST = """async () => {
  const began = performance.now();
  window.live = await import(new URL("../../_static/live/live.js", location));
  window.runtime = live.createRuntime();
  let first = null;
  await runtime.run("import torch\\nprint(torch.tensor(2.0))", {
    cell: "初め#1", onOutput: () => (first ??= performance.now()) });
  return first - began;
}"""
NEXT = """async () => {
  const began = performance.now();
  let first = null;
  await runtime.run("print(torch.tensor(3.0))", {
    cell: "次#2", onOutput: () => (first ??= performance.now()) });
  return first - began;
}"""
STOP = """async () => {
  const running = runtime.run("while True: pass", { cell: "止める#3", onOutput: () => {} });
  await new Promise((done) => setTimeout(done, 300));
  const began = performance.now();
  await runtime.stop();
  await running;
  await runtime.run("print(1)", { cell: "後#4", onOutput: () => {} });
  return performance.now() - began;
}"""


class Quiet(http.server.SimpleHTTPRequestHandler):
    """要求を1行ずつ書き出さないハンドラー。"""

    def log_message(self, *_: object) -> None:
        return


def measure(context: BrowserContext, address: str) -> dict[str, float]:
    """1つの新しいブラウザーで、4つの時間(ミリ秒)を測る。"""
    times = {}
    for name in ("初めて", "2度目のページ"):
        page = context.new_page()
        page.set_default_timeout(180_000)
        page.goto(f"{address}/book/use/tensor.html")
        times[name] = page.evaluate(FIRST)
    times["動いているとき"] = page.evaluate(NEXT)
    page.wait_for_timeout(SPARE)
    times["止めてから"] = page.evaluate(STOP)
    return times


def main() -> None:
    """測って、中央の値を書く。"""
    path = tool.find()
    if path is None or not SITE.exists():
        sys.exit("サイトかChromiumがありません。`make book` と `python3 tools/browser.py` を先に。")
    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(Quiet, directory=str(SITE))
    )
    threading.Thread(target=server.serve_forever, daemon=True).start()
    found = []
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        for _ in range(REPEAT):
            context = chromium.new_context()
            found.append(measure(context, f"http://127.0.0.1:{server.server_port}"))
            context.close()
    server.shutdown()
    print("ページの中で動きだすまで(ミリ秒、中央の値)")
    for name in found[0]:
        print(f"  {name}\t{statistics.median(times[name] for times in found):.0f}")


if __name__ == "__main__":
    main()
