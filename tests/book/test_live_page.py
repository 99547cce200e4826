"""ページの中で動かし、答える: ボタン、エディター、出力、記録、演習の判定を、Chromiumで。"""

from __future__ import annotations

import functools
import gzip
import hashlib
import json
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from playwright.sync_api import Browser, Locator, Page, Request, expect

from bibun.exercise import Exercise
from bibun.exercises import exercises
from test_exercises import run as judged_in_python

from .conftest import CHROMIUM_FLAGS, QuietHandler, serve, tool
from .test_browser import open_folds, open_page

ROOT = Path(__file__).resolve().parents[2]
AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"
KEY = "bibun.exercises.v1"
SLOW = 120_000  # Pythonが起きるまで、混んだ計算機でも待つ(ミリ秒)
CHAPTERS = sorted({exercise.chapter for exercise in exercises().values()})

Opened = tuple[Page, list[str]]


def cell(page: Page, number: int) -> Locator:
    """動かせるセル(0から)。"""
    return page.locator(".live-cell").nth(number)


def button(where: Locator, words: str) -> Locator:
    """その言葉のボタン。"""
    return where.get_by_role("button", name=words, exact=True)


def finish(where: Locator) -> None:
    """動き終わるのを待つ。"""
    expect(where).not_to_have_attribute("data-running", "", timeout=SLOW)


def press_run(where: Locator) -> None:
    """「実行」(演習なら「採点」)を押し、終わるのを待つ。"""
    where.locator(".live-run").click()
    finish(where)
    # 出力がなければ、そのわけを言う(混んだ計算機で、上のセルの時間の限りがきたときなど)
    assert where.locator(".live-output").count() == 1, where.locator(".live-status").inner_text()


def fill(page: Page, where: Locator, code: str) -> None:
    """エディターの中身を書きかえる。"""
    where.locator(".cm-content").focus()
    page.keyboard.press("Control+a")
    page.keyboard.insert_text(code)


def write(page: Page, where: Locator, code: str, key: str = "Control+Enter") -> None:
    """エディターの中身を書きかえ、キーボードで動かし、終わるのを待つ。"""
    fill(page, where, code)
    page.keyboard.press(key)
    finish(where)


def exercise_cell(page: Page, number: str) -> Locator:
    """その演習のセル。"""
    source = page.locator(f'[data-cell]:has(pre:has-text("check(\\"{number}\\""))')
    return source.filter(has=page.locator(".live-controls")).last


def kept(page: Page) -> dict[str, object]:
    """端末に残っている記録。"""
    text = page.evaluate("key => localStorage.getItem(key)", KEY)
    data: dict[str, object] = json.loads(text)
    return data


@pytest.fixture
def opened(chromium: Browser, address: str) -> Iterator[Callable[..., Opened]]:
    """章を新しいページで開く関数。閉じるのと、例外がなかったことを確かめるのは、ここでする。"""
    pages: list[Opened] = []

    def open_chapter(name: str = "use/tensor", width: int = 1280, theme: str = "light") -> Opened:
        pages.append(open_page(chromium, f"{address}/book/{name}.html", width, theme))
        pages[-1][0].set_default_timeout(SLOW)
        return pages[-1]

    yield open_chapter
    for page, errors in pages:
        page.close()
        assert errors == []


# ── 押すまで ──


def test_nothing_is_requested_before_the_first_click(chromium: Browser, address: str) -> None:
    page = chromium.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{address}/book/use/tensor.html", wait_until="networkidle")
    assert cell(page, 0).is_visible()
    assert any("book.js" in url for url in asked)
    assert [url for url in asked if "/live/" in url] == []
    page.close()


@pytest.mark.parametrize(
    ("missing", "pressed"),
    [
        ("page-*.js", "run"),
        ("editor-*.js", "write"),
        ("live.js*", "run"),
        ("cells/**", "run"),
        ("pyodide.asm.wasm*", "run"),
    ],
)
def test_what_did_not_arrive_is_said_and_asked_for_again(
    chromium: Browser, address: str, missing: str, pressed: str
) -> None:
    page = chromium.new_page()
    page.set_default_timeout(SLOW)
    page.goto(f"{address}/book/start/why-autodiff.html")
    page.route(f"**/_static/live/{missing}", lambda route: route.abort())
    here = page.locator(".live-cell").last
    press = here.locator(f".live-{pressed}").click
    press()
    expect(here.locator(".live-status")).to_contain_text("読み込み直してください", timeout=SLOW)
    expect(here).not_to_have_attribute("data-running", "")
    page.unroute(f"**/_static/live/{missing}")
    press()
    finish(here)
    expect(here.locator(".cm-content")).to_be_visible()
    expect(here.locator(".live-output")).to_have_count(1 if pressed == "run" else 0)
    expect(here.locator(".live-status")).not_to_contain_text("読み込み直してください")
    page.close()


@pytest.mark.parametrize("script", ["throw new Error('起きない')", "for (;;);"])
def test_a_worker_that_does_not_start_is_said_and_started_anew(
    chromium: Browser, address: str, script: str
) -> None:
    page = chromium.new_page()
    page.set_default_timeout(SLOW)
    page.clock.install()
    page.route("**/worker.js.gz*", lambda route: route.fulfill(body=gzip.compress(script.encode())))
    page.goto(f"{address}/book/use/tensor.html")
    here = cell(page, 0)
    here.locator(".live-run").click()
    if script.startswith("for"):
        expect(here.locator(".live-status")).to_contain_text("Pythonを起こしています", timeout=SLOW)
        page.clock.fast_forward(SLOW)
    expect(here.locator(".live-status")).to_contain_text("用意ができませんでした", timeout=SLOW / 4)
    expect(here).not_to_have_attribute("data-running", "")
    page.unroute("**/worker.js.gz*")
    press_run(here)
    page.close()


def test_what_is_fetched_after_the_click_is_named_by_its_content(
    chromium: Browser, address: str, site: Path
) -> None:
    """公開し直したサイトで、前に覚えたものが新しいものと混ざらない。一覧(JSON)は、毎回確かめる。"""
    page = chromium.new_page()
    asked: list[Request] = []
    page.on("request", lambda request: asked.append(request))
    page.goto(f"{address}/book/use/tensor.html", wait_until="networkidle")
    asked.clear()
    press_run(cell(page, 0))
    loose = []
    for request in asked:
        place = urlsplit(request.url)
        if place.scheme == "blob" or re.search(r"-[A-Z0-9]{8}\.js$", place.path):
            continue
        if place.path.endswith(".json"):
            assert request.all_headers()["cache-control"] in {"max-age=0", "no-cache"}
            continue
        data = (site / place.path.lstrip("/")).read_bytes()
        plain = gzip.decompress(data) if place.path.endswith(".gz") else data
        if place.query.removeprefix("v=") != hashlib.sha256(plain).hexdigest()[:16]:
            loose.append(request.url)
    names = {Path(urlsplit(request.url).path).name for request in asked}
    page.close()
    assert loose == []
    assert {"live.js", "frame.html", "worker.js.gz", "bibun.zip.gz", "manifest.json"} <= names


def test_what_every_page_carries_is_light(site: Path) -> None:
    script = (site / "_static" / "book.js").read_bytes()
    assert len(gzip.compress(script, 9)) <= 15_000
    assert b"CodeMirror" not in script


def test_the_page_says_honestly_whose_torch_runs_here(opened: Callable[..., Opened]) -> None:
    page, _ = opened()
    bar = page.locator(".live-bar")
    expect(bar).to_contain_text("PyTorch本体ではなく")
    bar.get_by_role("link", name="bibun").click()
    expect(page).to_have_url(re.compile("appendix/bibun.html"))


def test_a_cell_that_cannot_run_says_why(opened: Callable[..., Opened]) -> None:
    page, _ = opened("use/gradient-descent")
    open_folds(page)
    stuck = page.locator("[data-not-runnable]").first
    reason = stuck.get_attribute("data-not-runnable")
    assert reason
    expect(stuck.locator(".live-reason")).to_contain_text(reason)
    assert stuck.get_by_role("button", name="実行").count() == 0


@pytest.mark.parametrize("missing", ["JavaScript", "WebAssembly"])
def test_without_script_or_webassembly_the_page_is_the_book(
    chromium: Browser, address: str, missing: str
) -> None:
    context = chromium.new_context(java_script_enabled=missing != "JavaScript")
    page = context.new_page()
    page.add_init_script("delete globalThis.WebAssembly")
    page.goto(f"{address}/book/use/tensor.html")
    assert page.locator(".live-button").count() == 0
    assert page.locator(".live-bar").filter(has_text="動かせます").count() == 0
    expect(page.locator(".cell_output").first).to_contain_text("tensor(2., requires_grad=True)")
    page.goto(f"{address}/book/index.html")
    assert page.locator(".exercise-list a").count() >= len(exercises())
    context.close()


@pytest.mark.parametrize("name", ["use/tensor", "index"])
def test_every_button_is_large_enough_for_a_finger(
    opened: Callable[..., Opened], name: str
) -> None:
    page, _ = opened(name, width=390)
    for each in page.locator(".live-button:visible").all():
        box = each.bounding_box()
        assert box is not None
        assert min(box["width"], box["height"]) >= 44, each.inner_text()


# ── 動かす ──


@pytest.mark.parametrize("width", [390, 1280])
def test_a_cell_runs_is_edited_and_goes_back(opened: Callable[..., Opened], width: int) -> None:
    page, _ = opened(width=width)
    here = cell(page, 3)
    built_code = here.locator("pre").first.inner_html()
    built = here.locator(".cell_output")
    words, form = built.inner_text(), built.locator(".output").get_attribute("class")

    here.locator(".live-run").click()
    bar = here.get_by_role("progressbar", name="動かす用意の進み具合")
    expect(bar).to_be_visible()
    finish(here)
    shown = here.locator(".live-output")
    expect(here.locator(".live-status")).to_contain_text("先に、上の3個のセルを動かしました")
    assert shown.inner_text() == words
    assert shown.locator(".output").get_attribute("class") == form
    expect(here.locator(".cm-content")).to_have_text(re.compile("4.0, 5.0, 6.0"))
    assert not built.first.is_visible()

    write(page, here, "torch.tensor([7.0, 8.0])")
    expect(shown).to_have_text(re.compile(re.escape("tensor([7., 8.])")))
    expect(page.get_by_role("status").last).to_contain_text("実行しました")

    button(here, "元に戻す").click()
    assert shown.count() == 0
    assert built.inner_text() == words
    assert here.locator("pre").first.inner_html() == built_code
    assert here.locator(".cm-editor").count() == 0
    button(here, "取り消す").click()
    expect(here.locator(".cm-content")).to_have_text("torch.tensor([7.0, 8.0])")
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_state_is_the_pages_and_follows_its_order(opened: Callable[..., Opened]) -> None:
    page, _ = opened()
    first, second = cell(page, 0), cell(page, 1)
    press_run(first)
    write(page, first, "import torch\nx = torch.tensor(2.0)\nx")
    press_run(second)
    assert second.locator(".live-output").inner_text().strip() == "False"
    expect(second.locator(".live-status")).not_to_contain_text("上の")
    button(first, "元に戻す").click()
    press_run(second)
    assert second.locator(".live-output").inner_text().strip() == "True"
    expect(second.locator(".live-status")).to_contain_text("先に、上の1個のセルを動かしました")


SLEEP = "from time import sleep\n"


def test_undoing_a_running_cell_stops_it_and_leaves_nothing_of_it(
    opened: Callable[..., Opened],
) -> None:
    page, _ = opened()
    here, following = cell(page, 0), cell(page, 1)
    press_run(here)
    fill(
        page,
        here,
        f"import torch\n{SLEEP}x = torch.tensor(5.0)\nfor i in range(20): print(i); sleep(0.1)",
    )
    page.keyboard.press("Control+Enter")
    expect(here.locator(".live-output")).to_contain_text("1\n")
    button(here, "元に戻す").evaluate("e => { e.click(); e.click(); }")
    finish(here)
    expect(here.locator(".live-status")).to_have_text("元に戻しました。取り消す")
    page.wait_for_timeout(2_500)  # 止まっていなければ、動き終わるまで
    expect(here.locator(".live-status")).to_have_text("元に戻しました。取り消す")
    expect(here.locator(".cell_output")).to_have_text(re.compile("requires_grad=True"))
    expect(button(here, "元に戻す")).to_be_hidden()
    press_run(following)
    assert following.locator(".live-output").inner_text().strip() == "True"
    button(here, "取り消す").click()
    expect(here.locator(".cm-content")).to_contain_text("torch.tensor(5.0)")


def test_what_is_undone_while_another_cell_runs_is_not_in_force_afterwards(
    opened: Callable[..., Opened],
) -> None:
    page, _ = opened()
    first, second = cell(page, 0), cell(page, 1)
    press_run(first)
    write(page, first, "import torch\nx = torch.tensor(5.0)", "Shift+Enter")
    fill(page, second, f"{SLEEP}print('始め')\nsleep(1)\nx.requires_grad")
    page.keyboard.press("Control+Enter")
    expect(second.locator(".live-output")).to_contain_text("始め")
    button(first, "元に戻す").click()
    finish(second)
    assert second.locator(".live-output").inner_text().split() == ["始め", "False"]
    press_run(second)
    assert second.locator(".live-output").inner_text().split() == ["始め", "True"]


def test_a_cell_that_is_busy_is_not_asked_to_run_again(opened: Callable[..., Opened]) -> None:
    page, _ = opened()
    here = cell(page, 0)
    press_run(here)
    lasting = (
        f"{SLEEP}n = globals().get('n', 0) + 1\nsleep(4)\nprint(n)"  # 押し終わるまで動いている
    )
    fill(page, here, lasting)
    for key in ("Control+Enter", "Control+Enter", "Shift+Enter"):
        page.keyboard.press(key)
    expect(cell(page, 1).locator(".cm-content")).to_be_focused()
    expect(button(here, "停止")).to_be_visible()
    finish(here)
    page.wait_for_timeout(1_000)  # もう1度動くなら、そのうちに始まる
    finish(here)
    expect(here.locator(".live-status")).to_contain_text("実行しました")
    assert here.locator(".live-output").inner_text().strip() == "1"


def test_a_cell_waiting_behind_run_all_stays_busy(opened: Callable[..., Opened]) -> None:
    page, _ = opened()
    first, second, last = cell(page, 0), cell(page, 1), page.locator(".live-cell").last
    press_run(last)
    fill(page, last, f"{SLEEP}sleep(3)")
    press_run(first)
    fill(page, first, f"import torch\n{SLEEP}x = torch.tensor(5.0)\nprint('始め')\nsleep(3)")
    button(page.locator(".live-bar"), "全部実行").click()
    expect(first.locator(".live-output")).to_contain_text("始め")
    second.locator(".live-run").click()
    expect(last).to_have_attribute("data-running", "", timeout=SLOW)
    expect(button(second, "停止")).to_be_visible()
    finish(second)


def test_stop_and_flood_end_in_words_and_a_working_button(opened: Callable[..., Opened]) -> None:
    page, _ = opened()
    here = cell(page, 0)
    press_run(here)
    fill(page, here, "while True:\n    pass")
    page.keyboard.press("Control+Enter")
    stop = button(here, "停止")
    expect(stop).to_be_visible()
    page.wait_for_timeout(700)  # 押してすぐの2度目(ダブルクリック)は、停止とみなさない
    stop.click()
    finish(here)
    expect(here.locator(".live-notice")).to_contain_text("停止しました")
    expect(here.locator(".live-status")).to_contain_text("停止しました")
    expect(page.get_by_role("status").last).to_contain_text("停止しました")

    write(page, here, "for i in range(200000):\n    print(i)")
    expect(here.locator(".live-notice")).to_be_visible()
    write(page, here, "1 + 1")
    assert here.locator(".live-output").inner_text().strip() == "2"


# 本の出力と、ページの中の出力の、文字が違うセル
DIFFERENT = """() => [...document.querySelectorAll('.live-cell')].flatMap(cell => {
  const [built, live] = cell.querySelectorAll('.cell_output');
  const text = e => [...(e?.querySelectorAll('pre') ?? [])].map(p => p.textContent).join('');
  return text(built) === text(live) ? [] : [cell.dataset.cell, text(built), text(live)];
})"""


def test_the_time_limit_and_a_crash_end_in_words_and_a_working_button(
    opened: Callable[..., Opened],
) -> None:
    page, _ = opened()
    page.clock.install()  # ページの時計だけを進める。Pythonの動くワーカーの時計は、本物のまま
    here = cell(page, 0)
    press_run(here)
    fill(page, here, "while True:\n    pass")
    page.keyboard.press("Control+Enter")
    expect(here.locator(".live-status")).to_have_text("動かしています。")
    page.clock.fast_forward(19_000)
    expect(button(here, "停止")).to_be_visible()
    page.clock.fast_forward(2_000)
    finish(here)
    expect(here.locator(".live-notice")).to_contain_text(
        "20秒たっても終わらなかったので、止めました"
    )
    expect(here.locator(".live-status")).to_contain_text("時間の限りがきたので、止めました")
    expect(page.get_by_role("status").last).to_contain_text("20秒たっても終わらなかった")

    write(page, here, "import json\njson.dumps = None")
    expect(here.locator(".live-notice")).to_contain_text(
        "Pythonが続けられなくなり、動かし直しました"
    )
    expect(here.locator(".live-status")).to_contain_text("続けられなくなったので、止めました")
    expect(page.get_by_role("status").last).to_contain_text("Pythonが続けられなくなり")
    write(page, here, "1 + 1")
    assert here.locator(".live-output").inner_text().strip() == "2"


# ページの中から、起きたことをサーバーに言う。枠のプロセスが落ちると、playwrightはページごと落ちたとみなして
# 何も尋ねられなくなるが、ページは生きている
WITNESS = """() => void (async () => {
  const here = document.querySelector(".live-cell");
  const until = async (ready) => {
    while (!ready()) await new Promise((done) => setTimeout(done, 50));
  };
  const shown = async (selector) => {
    await until(() => here.querySelector(selector) && !here.matches("[data-running]"));
    fetch(`/said/${encodeURIComponent(here.querySelector(selector).textContent)}`);
  };
  await shown(".live-notice");
  here.querySelector(".live-undo").click();
  here.querySelector(".live-run").click();
  await shown(".live-output");
})()"""


def test_memory_used_up_outside_python_ends_in_words_and_a_working_button(
    chromium: Browser, site: Path
) -> None:
    """JavaScriptの値で記憶を使い切ると、Chromiumは枠のプロセスを終わらせる。"""
    said: list[str] = []

    class Listening(QuietHandler):
        def do_GET(self) -> None:
            if self.path.startswith("/said/"):
                said.append(unquote(self.path.removeprefix("/said/")))
            super().do_GET()

    crashed: list[Page] = []
    small = [*CHROMIUM_FLAGS, "--js-flags=--max-old-space-size=256"]  # 早く使い切るように
    with serve(functools.partial(Listening, directory=str(site))) as address:
        browser = chromium.browser_type.launch(executable_path=tool.find(), args=small)
        page = browser.new_page()
        page.on("crash", lambda page: crashed.append(page))
        page.goto(f"{address}/book/use/tensor.html")
        press_run(cell(page, 0))
        page.evaluate(WITNESS)
        here = cell(page, 0)
        fill(
            page,
            here,
            "import js\nkept = []\nwhile True: kept.append(js.Array.new(10**6).fill(1.5))",
        )
        page.keyboard.press("Control+Enter")
        until = time.monotonic() + SLOW / 1000
        while len(said) < 2 and time.monotonic() < until:
            time.sleep(0.1)
        browser.close()
    assert crashed
    assert "Pythonが続けられなくなり、動かし直しました" in said[0]
    assert said[1].strip() == "tensor(2., requires_grad=True)"


def test_run_all_shows_what_the_book_shows(opened: Callable[..., Opened]) -> None:
    page, _ = opened()
    button(page.locator(".live-bar"), "全部実行").click()
    bar = page.locator(".live-bar .live-status")
    count = page.locator(".live-cell").count()
    expect(bar).to_contain_text(f"{count}個のセルをすべて動かしました", timeout=SLOW)
    assert page.locator(".cm-editor").count() == 0
    assert page.evaluate(DIFFERENT) == []
    expect(button(page.locator(".live-bar"), "全部実行")).to_be_visible()


def test_run_all_starts_from_nothing_even_after_an_undo(opened: Callable[..., Opened]) -> None:
    page, _ = opened()
    first, second = cell(page, 0), cell(page, 1)
    press_run(first)
    write(page, first, "leak = 1", "Shift+Enter")
    button(first, "元に戻す").click()
    fill(page, second, 'print("leak" in globals())')
    button(page.locator(".live-bar"), "全部実行").click()
    expect(second.locator(".live-output")).to_have_text(re.compile("False|True"), timeout=SLOW)
    assert second.locator(".live-output").inner_text().strip() == "False"
    expect(page.locator(".live-bar .live-status")).to_contain_text("動かしました", timeout=SLOW)


def test_an_error_is_read_from_its_last_line(opened: Callable[..., Opened]) -> None:
    page, _ = opened()
    here = cell(page, 0)
    press_run(here)
    write(page, here, "import torch\nrows = [[1.0, 2.0], [3.0]]\ntorch.tensor(rows)")
    shown = here.locator(".live-error")
    words = shown.inner_text().splitlines()
    assert words[0].startswith("ValueError: expected sequence of length 2 at dim 1")
    assert shown.locator("strong").inner_text() == "ValueError"
    expect(shown).to_contain_text("セルの3行目で起きました")
    expect(here.locator(".live-marked")).to_have_text("torch.tensor(rows)")
    trace = shown.locator("pre")
    assert not trace.is_visible()
    shown.get_by_text("トレースバックを見る").click()
    assert trace.inner_text().startswith("Traceback (most recent call last):\n  セルの3行目")
    expect(page.get_by_role("status").last).to_contain_text("エラー。ValueError")
    write(page, here, "1")
    assert here.locator(".live-marked").count() == 0


def test_a_graph_is_drawn_in_the_page(opened: Callable[..., Opened]) -> None:
    page, _ = opened("how/computation-graph")
    here = page.locator(".live-cell:has(.cell_output svg)").first
    words = here.locator(".cell_output svg").first.evaluate(
        "e => e.textContent.replace(/\\s+/g, '')"
    )
    open_folds(page)
    press_run(here)
    drawn = here.locator(".live-output svg").first
    assert drawn.is_visible()
    assert drawn.evaluate("e => e.textContent.replace(/\\s+/g, '')") == words


# ── キーボードと読み上げ ──


def test_everything_is_done_by_keyboard(opened: Callable[..., Opened]) -> None:
    page, _ = opened()
    here, following = cell(page, 0), cell(page, 1)

    def focused() -> str:
        return str(page.evaluate("document.activeElement.textContent"))

    for _ in range(80):
        page.keyboard.press("Tab")
        if focused() == "実行":
            break
    assert here.locator(":focus").count() == 1
    page.keyboard.press("Enter")
    finish(here)
    assert focused() == "実行"

    here.locator(".cm-content").wait_for()
    page.keyboard.press("Shift+Tab")  # 元に戻す
    assert focused() == "元に戻す"
    page.keyboard.press("Shift+Tab")
    assert page.evaluate("document.activeElement.classList.contains('cm-content')")
    expect(here.locator(".live-help")).to_be_visible()
    described = page.evaluate(
        "document.getElementById(document.activeElement.getAttribute('aria-describedby')).textContent"
    )
    assert "Escを押してからTab" in described

    page.keyboard.press("Control+a")
    page.keyboard.insert_text("if True:\n")
    page.keyboard.press("Tab")
    page.keyboard.insert_text("print('ここ')")
    page.keyboard.press("Shift+Enter")
    finish(here)
    assert here.locator(".live-output").inner_text().strip() == "ここ"
    expect(following.locator(".cm-content")).to_be_focused()
    assert following.locator(".live-output").count() == 0
    page.keyboard.press("Escape")
    expect(page.get_by_role("status").last).to_contain_text("外へ出られます")
    page.keyboard.press("Tab")
    expect(following.locator(".live-undo")).to_be_focused()


# 画面の外の節は、近づくまで形が決まらず、横に動く箱もまだ焦点を受けない。読者と同じに、上から下まで送る
READ_THROUGH = """async () => {
  for (const cell of document.querySelectorAll('.live-cell')) {
    cell.scrollIntoView();
    for (let frame = 0; frame < 3; frame++) await new Promise(requestAnimationFrame);
  }
}"""


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_axe_finds_nothing_with_editor_error_and_verdict_open(
    opened: Callable[..., Opened], width: int, theme: str
) -> None:
    page, _ = opened(width=width, theme=theme)
    press_run(cell(page, 0))
    write(page, cell(page, 0), "import torch\n1 / 0")
    cell(page, 0).locator(".live-error summary").click()
    press_run(exercise_cell(page, "1-1"))
    exercise_cell(page, "1-1").locator(".cm-content").focus()
    page.evaluate(AXE.read_text(encoding="utf-8"))
    page.evaluate(READ_THROUGH)
    found = page.evaluate(
        """() => axe.run('.live-bar, .live-cell, .live-announce').then(({ violations }) => violations.map(
          v => `${v.id}: ${v.nodes.map(n => n.html.slice(0, 120)).join(' | ')}`))"""
    )
    assert found == []


def test_on_paper_there_are_no_buttons(opened: Callable[..., Opened]) -> None:
    page, _ = opened()
    press_run(cell(page, 0))
    page.emulate_media(media="print")
    assert page.locator(".live-button:visible").count() == 0
    assert page.locator(".cm-editor:visible").count() == 0
    assert cell(page, 0).locator("pre").first.is_visible()


# ── 演習と記録 ──


def test_an_answer_is_kept_shown_again_and_never_run_by_itself(
    opened: Callable[..., Opened],
) -> None:
    page, _ = opened()
    answer = 'x = torch.tensor(3.0, requires_grad=True)\ncheck("1-1", x)'
    here = exercise_cell(page, "1-1")
    button(here, "答えを書く").click()
    expect(here.locator(".cm-content")).to_be_focused()
    write(page, here, f"from bibun.exercises import check\n{answer}")
    verdict = here.locator(".live-verdict")
    expect(verdict).to_have_attribute("data-status", "right")
    expect(page.get_by_role("status").last).to_contain_text("正解。値は3.0で")
    page.wait_for_timeout(600)
    assert kept(page)["solved"] == ["1-1"]

    page.reload()
    here = exercise_cell(page, "1-1")
    expect(here.locator("pre").first).to_contain_text("torch.tensor(3.0, requires_grad=True)")
    expect(here.locator(".live-status")).to_contain_text("まだ動かしていません")
    assert page.locator("iframe").count() == 0
    assert here.locator(".live-output").count() == 0
    press_run(here)
    expect(here.locator(".live-verdict")).to_have_attribute("data-status", "right")

    button(here, "元に戻す").click()
    assert kept(page) == {"written": {}, "solved": ["1-1"]}
    button(here, "取り消す").click()
    assert "1-1" in str(kept(page)["written"])


@pytest.mark.parametrize("width", [390, 1280])
def test_a_button_stays_under_the_finger_that_presses_it(
    opened: Callable[..., Opened], width: int
) -> None:
    """前のセルのエディターから出ても、その下のものは動かない(動けば、押したことにならない)。"""
    page, _ = opened(width=width)
    button(exercise_cell(page, "1-1"), "答えを書く").click()
    write(page, exercise_cell(page, "1-1"), 'check("1-1", ...)')
    following = button(exercise_cell(page, "1-2"), "答えを書く")
    following.hover()
    before = following.bounding_box()
    page.mouse.down()
    page.wait_for_timeout(200)
    assert following.bounding_box() == before
    page.mouse.up()
    expect(exercise_cell(page, "1-2").locator(".cm-content")).to_be_focused()


def test_code_in_a_verdict_is_shown_as_code(opened: Callable[..., Opened]) -> None:
    page, _ = opened()
    here = exercise_cell(page, "1-1")
    built = here.locator(".cell_output pre")
    words = built.inner_text()
    assert built.locator("code").all_inner_texts() == ["..."]
    assert "`" not in words
    press_run(here)
    judged = here.locator(".live-verdict pre")
    expect(judged).to_have_text(words)
    expect(judged.locator("code")).to_have_text("...")
    assert "`" not in page.get_by_role("status").last.inner_text()


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (f"localStorage.setItem('{KEY}', '{{')", "壊れていて"),
        (
            f'localStorage.setItem(\'{KEY}\', \'{{"written": {{"1-1": 3}}, "solved": []}}\')',
            "壊れていて",
        ),
        (
            "Storage.prototype.getItem = () => { throw new DOMException('x', 'SecurityError') }",
            "残せません",
        ),
    ],
)
def test_unreadable_record_is_said_and_the_page_works(
    opened: Callable[..., Opened], damage: str, says: str
) -> None:
    page, _ = opened()
    page.add_init_script(f"if (window === top) {{ {damage} }}")
    page.reload()
    expect(page.locator(".live-bar")).to_contain_text(says)
    here = exercise_cell(page, "1-1")
    press_run(here)
    expect(here.locator(".live-verdict")).to_have_attribute("data-status", "unanswered")


def test_a_full_device_is_said(opened: Callable[..., Opened]) -> None:
    page, _ = opened()
    page.evaluate(
        "void (Storage.prototype.setItem = () => { throw new DOMException('x', 'QuotaExceededError') })"
    )
    here = exercise_cell(page, "1-1")
    button(here, "答えを書く").click()
    expect(here.locator(".cm-content")).to_be_focused()
    page.keyboard.insert_text("# 書く\n")
    expect(here.locator(".live-status")).to_contain_text("記録を残せませんでした")


def test_the_front_page_counts_what_is_solved_and_clears_it(
    opened: Callable[..., Opened],
) -> None:
    page, _ = opened("index")
    progress = page.locator(".exercise-progress")
    expect(progress).to_contain_text(f"{len(exercises())}題のうち、0題が解けました")
    assert progress.get_by_role("button").count() == 0
    record = {"written": {"1-1": "x = 3"}, "solved": ["1-1", "4-1", "なくなった演習"]}
    page.evaluate("([key, value]) => localStorage.setItem(key, value)", [KEY, json.dumps(record)])
    page.reload()
    expect(progress).to_contain_text("2題が解けました")
    solved = page.locator(".exercise-list [data-solved]")
    assert [each.get_attribute("id") for each in solved.all()] == ["exercise-1-1", "exercise-4-1"]
    expect(solved.first).to_contain_text("解けました")

    button(progress, "記録を消す").click()
    expect(button(progress, "やめる")).to_be_focused()
    page.keyboard.press("Enter")
    assert kept(page) == record
    button(progress, "記録を消す").click()
    button(progress, "消す").click()
    assert page.evaluate("key => localStorage.getItem(key)", KEY) is None
    expect(progress).to_contain_text("0題が解けました。記録を消しました。")


def test_every_exercise_is_listed_with_a_link_to_its_place(
    opened: Callable[..., Opened], site: Path
) -> None:
    page, _ = opened("index")
    links = page.evaluate(
        """() => Object.fromEntries([...document.querySelectorAll('[id^="exercise-"]')].map(
          item => [item.id.slice(9), item.querySelector('a').getAttribute('href')]))"""
    )
    assert set(links) == set(exercises())
    for number, link in links.items():
        target, _, label = link.partition("#")
        assert target == f"{exercises()[number].chapter}.html"
        assert f'id="{label}"' in (site / "book" / target).read_text(encoding="utf-8")


def answers(exercise: Exercise) -> list[str]:
    """正答と誤答のすべて。"""
    return [*exercise.right, *(wrong.code for wrong in exercise.wrong)]


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_every_right_and_wrong_answer_is_judged_as_in_python(
    opened: Callable[..., Opened], chapter: str
) -> None:
    page, _ = opened(chapter)
    mine = [exercise for exercise in exercises().values() if exercise.chapter == chapter]
    different = []
    for exercise in mine:
        here = exercise_cell(page, exercise.id)
        given = (here.locator("pre").first.text_content() or "").splitlines()
        imports = [line for line in given if re.match(r"(import|from) ", line)]
        button(here, "答えを書く").click()
        for code in answers(exercise):
            here.locator(".live-verdict").evaluate_all(
                "all => all.forEach(e => { e.dataset.old = '' })"
            )
            write(page, here, "\n".join([*imports, code]))
            new = here.locator(".live-output :is(.live-verdict:not([data-old]), .live-error)")
            got = new.inner_text().splitlines()[-1] if new.count() else "判定がありません"
            expected = repr(judged_in_python(code)).replace("`", "")  # コードの字になっている
            if "".join(expected.split()) != "".join(got.split()):
                different.append((exercise.id, code, expected, got))
    solved = kept(page)["solved"]
    assert different == []
    assert set(solved) == {exercise.id for exercise in mine}  # type: ignore[call-overload]
