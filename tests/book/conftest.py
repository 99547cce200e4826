"""``make book`` が作ったサイトを、テストに渡す。"""

from __future__ import annotations

import contextlib
import functools
import http.server
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, sync_playwright

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))
import browser as tool  # noqa: E402 tools/はパッケージではないので、道を足してから読み込む

from .firefox import Firefox  # noqa: E402

CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # 閉じこめの検査が、Chromium自身のループバックの番人ではなく、枠のCSPを試すように
    "--disable-features=LocalNetworkAccessChecks",
]


@pytest.fixture(scope="session")
def site() -> Path:
    """作られたサイトのフォルダー。"""
    folder = ROOT / "_build" / "html"
    if not (folder / "book" / "index.html").exists():
        pytest.fail("サイトがありません。先に `make book` を実行してください。")
    return folder


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    """要求を1行ずつ書き出さないハンドラー。"""

    def log_message(self, *_: object) -> None:
        return


class QuietServer(http.server.ThreadingHTTPServer):
    """ブラウザーが受け取るのをやめても、騒がないサーバー。"""

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


@contextlib.contextmanager
def serve(handler: Callable[..., http.server.BaseHTTPRequestHandler]) -> Iterator[str]:
    """ループバックのサーバーを動かし、そのアドレスを渡す。"""
    server = QuietServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="session")
def address(site: Path) -> Iterator[str]:
    """サイトを配る、ループバックのサーバーのアドレス。"""
    with serve(functools.partial(QuietHandler, directory=str(site))) as place:
        yield place


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """頭のないChromium。"""
    path = tool.find()
    if path is None:
        pytest.fail("Chromiumがありません。`python3 tools/browser.py` が、用意のしかたを言います。")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=CHROMIUM_FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def firefox() -> Iterator[Firefox]:
    """頭のないFirefox。ないときは、入れられたはずの計算機でなければ飛ばす。"""
    path = tool.find("Firefox")
    if path is None and tool.can_install():
        pytest.fail("Firefoxがありません。`python3 tools/browser.py` が入れます。")
    if path is None:
        pytest.skip(tool.missing("Firefox"))
    browser = Firefox(path)
    yield browser
    browser.quit()
