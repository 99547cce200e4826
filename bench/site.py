"""作ったサイトのすべてのページを、Lighthouse(スマートフォン)で採点する。

gzipで送るループバックのサーバーから配る。性能(performance)は計算機の忙しさで揺れるので、静かなときに読む。
読み上げ、作法、検索の点は揺れない。
"""

from __future__ import annotations

import functools
import gzip
import http.server
import json
import sys
import threading
from pathlib import Path

from bibun_site import node

sys.path.insert(0, str(node.ROOT / "tools"))
import browser

SITE = node.ROOT / "_build" / "html"
CATEGORIES = {
    "performance": (0.95, "性能"),
    "accessibility": (1.0, "読み上げ"),
    "best-practices": (1.0, "作法"),
    "seo": (1.0, "検索"),
}
TEXT = {".html", ".css", ".js", ".mjs", ".svg", ".json", ".txt", ".xml"}


class GzipHandler(http.server.SimpleHTTPRequestHandler):
    """文字のファイルを、公開先と同じようにgzipで送る。"""

    def log_message(self, *_: object) -> None:
        return

    def do_GET(self) -> None:
        path = Path(self.translate_path(self.path))
        if path.suffix not in TEXT or not path.is_file():
            return super().do_GET()
        body = gzip.compress(path.read_bytes(), 6)
        self.send_response(200)
        self.send_header("Content-Type", f"{self.guess_type(str(path))}; charset=utf-8")
        self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        return None


def pages(wanted: list[str]) -> list[str]:
    """採点するページ。``wanted`` がなければ、入口、ないときのページ、実行の枠のほかのすべて。"""
    absent = [page for page in wanted if not (SITE / page).is_file()]
    if absent:
        sys.exit(
            f"{SITE}に{'、'.join(absent)}がありません。`book/use/tensor.html` のように書きます。"
        )
    if wanted:
        return wanted
    every = [*SITE.glob("book/**/*.html"), SITE / "search.html"]
    return sorted(path.relative_to(SITE).as_posix() for path in every)


def main() -> None:
    """採点して、表を書き出す。"""
    handler = functools.partial(GzipHandler, directory=str(SITE))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    home = f"http://127.0.0.1:{server.server_port}/"
    given = {"chrome": browser.find(), "addresses": [home + page for page in pages(sys.argv[1:])]}
    results = json.loads(node.run("bench/lighthouse.mjs", given=json.dumps(given)))
    server.shutdown()
    print("  ".join(name for _, name in CATEGORIES.values()), " ページ")
    for result in results:
        scores = {name: result["scores"][name] for name in CATEGORIES}
        short = any(score < CATEGORIES[name][0] for name, score in scores.items())
        print("  ".join(f"{score:4.2f}" for score in scores.values()), end="  ")
        print(result["address"].removeprefix(home), "、".join(result["lost"]) if short else "")


if __name__ == "__main__":
    main()
