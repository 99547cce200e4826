"""Chromiumで開いたときの見え方と動き。"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from .test_book import PAGES

WIDTHS = (390, 1280)
THEMES = ("light", "dark")
ENGLISH = (
    "Copyright",
    "contributors",
    "Show code",
    "Hide code",
    "Contents",
    "Previous",
    "Next",
    "Search",
    "Print to",
    "By ",
)


def only_loopback(route: Route) -> None:
    """サイトの外への要求は止める(テストはネットワークに頼らない)。"""
    if route.request.url.startswith(("http://127.0.0.1", "file:", "data:")):
        route.continue_()
    else:
        route.abort()


NOT_ALLOWED = """addEventListener("securitypolicyviolation", event => {
  console.error(`CSP: ${event.violatedDirective} ${event.blockedURI} ${event.sample}`);
});"""


def open_page(chromium: Browser, url: str, width: int, theme: str) -> tuple[Page, list[str]]:
    """ページを開き、起きた例外と、ページに許していない読み込みの一覧とともに返す。"""
    page = chromium.new_page(
        viewport={"width": width, "height": 900},
        color_scheme="dark" if theme == "dark" else "light",
    )
    page.route("**/*", only_loopback)
    page.add_init_script(NOT_ALLOWED)
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda said: errors.append(said.text) if said.type == "error" else None)
    page.goto(url, wait_until="load")
    return page, errors


def open_folds(page: Page) -> None:
    """折りたたみをすべて開き、開いた形をページのプログラムが見終えるのを待つ。"""
    page.evaluate(
        """async () => {
          document.querySelectorAll('details').forEach(fold => { fold.open = true });
          for (let frame = 0; frame < 2; frame += 1) await new Promise(requestAnimationFrame);
        }"""
    )


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("theme", THEMES)
def test_page_fits_its_window_with_every_fold_open(
    chromium: Browser, address: str, name: str, width: int, theme: str
) -> None:
    page, errors = open_page(chromium, f"{address}/book/{name}.html", width, theme)
    open_folds(page)
    wide = page.evaluate(
        """() => {
          const limit = document.documentElement.clientWidth;
          const boxed = e => e.closest('pre, .math, table, svg, .table-wrapper, .highlight');
          return [...document.querySelectorAll('article *')]
            .filter(e => e.getBoundingClientRect().right > limit + 1 && !boxed(e))
            .map(e => e.tagName + '.' + e.className + ': ' + e.textContent.slice(0, 40));
        }"""
    )
    scroll = page.evaluate("document.documentElement.scrollWidth")
    broken = page.evaluate(
        "[...document.images].filter(i => i.complete && !i.naturalWidth).map(i => i.src)"
    )
    page.close()
    assert errors == []
    assert broken == []
    assert wide == []
    assert scroll <= width


@pytest.mark.parametrize("name", PAGES)
def test_no_english_scrap_is_shown(chromium: Browser, address: str, name: str) -> None:
    page, _ = open_page(chromium, f"{address}/book/{name}.html", 1280, "light")
    chrome = page.evaluate(
        """() => {
          const shown = document.body.cloneNode(true);
          shown.querySelectorAll('article, script, style, pre').forEach(e => e.remove());
          return shown.textContent + [...document.querySelectorAll('details > summary')]
            .map(e => e.textContent).join(' ');
        }"""
    )
    page.close()
    found = [scrap for scrap in ENGLISH if scrap in chrome]
    assert found == []


@pytest.mark.parametrize("name", PAGES)
def test_every_label_and_tooltip_speaks_japanese(
    chromium: Browser, address: str, name: str
) -> None:
    page, _ = open_page(chromium, f"{address}/book/{name}.html", 1280, "light")
    labels = page.evaluate(
        """() => ['title', 'aria-label', 'data-bs-title', 'placeholder', 'alt'].flatMap(name =>
          [...document.querySelectorAll(`[${name}]:not(a.internal)`)].map(e => e.getAttribute(name)))"""
    )
    page.close()
    english = [label for label in labels if re.search("[A-Za-z]{3}", label)]
    assert [label for label in english if not re.search("[ぁ-ヿ一-龠]", label)] == []


def test_the_contents_mark_the_section_being_read(chromium: Browser, address: str) -> None:
    page, _ = open_page(chromium, f"{address}/book/appendix/bibun.html", 1280, "light")
    marked = page.locator(".toc-tree [aria-current=location]")
    for place in ("sec-bibun-tour", "bibun.numdiff.gradient", "bibun.numdiff.diff"):
        page.evaluate("id => document.getElementById(id).scrollIntoView()", place)
        expect(marked).to_have_attribute("href", f"#{place}")
    page.evaluate("scrollTo(0, 0)")
    expect(marked).to_have_count(0)
    page.close()


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("width", WIDTHS)
def test_what_a_reader_jumps_to_stays_where_it_is(
    chromium: Browser, address: str, name: str, width: int
) -> None:
    """キーボードやページ内の検索で遠くへ飛んでも、飛んだ先が、描いているうちに動かない。"""
    page, _ = open_page(chromium, f"{address}/book/{name}.html", width, "light")
    moved = page.evaluate(
        """async () => {
          const all = [...document.querySelectorAll('article :is(a, button)')].filter(e => e.getClientRects().length);
          const far = all.filter((_, i) => i % Math.ceil(all.length / 8) === 0).reverse();
          const moved = [];
          for (const part of far) {
            part.scrollIntoView({ block: 'center' });
            const { top } = part.getBoundingClientRect();
            for (let frame = 0; frame < 6; frame += 1) await new Promise(requestAnimationFrame);
            const now = part.getBoundingClientRect().top;
            if (Math.abs(now - top) > 2) moved.push(`${part.outerHTML.slice(0, 80)}: ${top} → ${now}`);
          }
          return moved;
        }"""
    )
    page.close()
    assert moved == []


@pytest.mark.parametrize("name", PAGES)
def test_headings_are_broken_between_phrases(chromium: Browser, address: str, name: str) -> None:
    page, _ = open_page(chromium, f"{address}/book/{name}.html", 320, "light")
    lines = page.evaluate(
        """() => [...document.querySelectorAll('article :is(h1, h2, h3)')].flatMap(heading => {
          const lines = [''];
          let top = null, allowed = true;
          const walk = document.createTreeWalker(heading, NodeFilter.SHOW_TEXT | NodeFilter.SHOW_ELEMENT);
          while (walk.nextNode()) {
            const node = walk.currentNode;
            if (node.nodeName === 'WBR' || node.parentElement.closest('code, .katex')) allowed = true;
            else for (let at = 0; at < (node.data ?? '').length; at += 1) {
              const range = new Range();
              range.setStart(node, at);
              range.setEnd(node, at + 1);
              const box = range.getBoundingClientRect();
              if (top !== null && box.top > top + 8) lines.push(allowed ? '' : '✂');
              top = box.top;
              lines[lines.length - 1] += node.data[at];
              allowed = /[\\s、。:]/.test(node.data[at]);
            }
          }
          return lines.length > 1 ? [lines.join('|')] : [];
        })"""
    )
    page.close()
    assert [line for line in lines if "✂" in line] == []


def test_the_copy_button_of_a_cell_hides_no_code(chromium: Browser, address: str) -> None:
    page, _ = open_page(chromium, f"{address}/book/use/pitfalls.html", 390, "light")
    covered = page.evaluate(
        """() => [...document.querySelectorAll('.live-cell:not(:has(details)) .copybtn')].filter(button => {
          const code = new Range();
          code.selectNodeContents(button.parentElement.querySelector('pre'));
          const { top, height, left, right } = button.getBoundingClientRect();
          const bottom = top + height / 2 + 10; // 丸いボタンの下の縁。行の上下の余白には重なってよい
          return [...code.getClientRects()].some(line => line.top < bottom && line.bottom > top
            && line.right > left && line.left < right);
        }).length"""
    )
    page.close()
    assert covered == 0


def test_the_link_of_a_heading_is_reached_by_keyboard_and_is_not_in_its_name(
    chromium: Browser, address: str
) -> None:
    page, _ = open_page(chromium, f"{address}/book/use/pitfalls.html", 1280, "light")
    heading = page.get_by_role("heading", name="止まる誤り", exact=True)
    link = page.get_by_role("link", name="「止まる誤り」へのリンク", exact=True)
    expect(heading).to_be_visible()
    expect(link).to_have_css("opacity", "0")
    heading.evaluate("e => { e.tabIndex = -1; e.focus(); }")
    page.keyboard.press("Tab")
    expect(link).to_be_focused()
    expect(link).to_have_css("opacity", "1")
    expect(link).to_have_css("outline-style", "solid")
    page.keyboard.press("Enter")
    page.wait_for_url("**/pitfalls.html#sec-pitfalls-loud")
    page.close()


@pytest.mark.parametrize("name", PAGES)
def test_every_heading_has_one_link_to_its_lasting_name(site: Path, name: str) -> None:
    text = (site / "book" / f"{name}.html").read_text(encoding="utf-8")
    article = text[text.index("<article") : text.index("</article>")]
    headings = re.findall(r'<div class="heading"><h([1-6]).*?</h\1>\s*(.*?)</div>', article, re.S)
    assert len(headings) == len(re.findall(r"<h[1-6]", article))
    for _, link in headings:
        assert re.match(
            r'<a class="headerlink" href="#(ch|sec)-[a-z0-9-]+" aria-label="「[^"]+」へのリンク"',
            link,
        )


def test_hints_open_one_after_the_other_and_the_answer_last(
    chromium: Browser, address: str
) -> None:
    page, _ = open_page(chromium, f"{address}/book/use/tensor.html", 390, "light")
    exercise = page.locator(".exercise").first
    folds = [exercise.get_by_text(name, exact=True) for name in ("ヒント1", "ヒント2", "解答例")]
    assert [fold.is_visible() for fold in folds] == [True, False, False]
    folds[0].click()
    assert [fold.is_visible() for fold in folds] == [True, True, False]
    folds[1].click()
    assert [fold.is_visible() for fold in folds] == [True, True, True]
    code = exercise.locator("pre").last
    assert not code.is_visible()
    folds[2].click()
    assert code.is_visible()
    assert "requires_grad" in code.inner_text()
    page.close()


THEME_BUTTON = ".theme-toggle:visible"


@pytest.mark.parametrize("system", THEMES)
@pytest.mark.parametrize("width", WIDTHS)
def test_the_theme_follows_the_system_and_remembers_a_choice(
    chromium: Browser, address: str, system: str, width: int
) -> None:
    page, errors = open_page(chromium, f"{address}/book/index.html", width, system)
    other = "light" if system == "dark" else "dark"
    assert brightness(page) == system
    button = page.locator(THEME_BUTTON)
    assert "システムに合わせる" in (button.get_attribute("aria-label") or "")
    button.click()
    assert brightness(page) == other
    assert ("暗い" if other == "dark" else "明るい") in (button.get_attribute("aria-label") or "")
    page.goto(f"{address}/book/use/tensor.html")
    assert brightness(page) == other
    button.click()
    assert brightness(page) == system
    button.click()
    assert "システムに合わせる" in (button.get_attribute("aria-label") or "")
    page.emulate_media(color_scheme="dark" if other == "dark" else "light")
    assert brightness(page) == other
    page.close()
    assert errors == []


def brightness(page: Page) -> str:
    """地の色が明るいか、暗いか。"""
    red, green, blue = map(
        int,
        re.findall(r"\d+", page.evaluate("getComputedStyle(document.body).backgroundColor"))[:3],
    )
    return "dark" if red + green + blue < 3 * 128 else "light"


@pytest.mark.parametrize("name", [*(f"book/{page}" for page in PAGES), "search", "404"])
def test_nothing_is_loaded_that_the_page_does_not_allow(
    chromium: Browser, address: str, name: str
) -> None:
    page, errors = open_page(chromium, f"{address}/{name}.html", 1280, "light")
    page.evaluate("scrollTo(0, document.body.scrollHeight)")
    page.wait_for_load_state("networkidle")
    page.close()
    assert errors == []


def test_no_script_runs_but_the_ones_of_the_site(chromium: Browser, address: str) -> None:
    page, errors = open_page(chromium, f"{address}/book/use/tensor.html", 1280, "light")
    page.evaluate(
        """() => {
          const script = document.createElement("script");
          script.textContent = "document.title = 'ran'";
          document.body.append(script);
          document.body.insertAdjacentHTML("beforeend",
            `<img src="data:," onerror="document.title = 'ran'"><a id="go" href="javascript:document.title='ran'">x</a>`);
          document.getElementById("go").click();
          setTimeout("document.title = 'ran'");
          fetch("https://example.com/").catch(() => {});
        }"""
    )
    page.wait_for_timeout(300)
    title = page.title()
    page.close()
    assert title != "ran"
    for refused in ("script-src-elem inline", "script-src-attr inline", "eval", "connect-src"):
        assert any(refused in error for error in errors), refused


def test_a_page_opened_as_a_file_is_whole(chromium: Browser, site: Path) -> None:
    page, errors = open_page(chromium, (site / "book/use/backward.html").as_uri(), 1280, "light")
    assert brightness(page) == "light"
    page.locator(THEME_BUTTON).click()
    assert brightness(page) == "dark"
    page.locator("article img").first.scroll_into_view_if_needed()
    page.evaluate("document.querySelector('article img').decode()")
    assert page.locator(".copybtn").count() > 10
    page.close()
    assert errors == []


@pytest.mark.parametrize("chosen", THEMES)
def test_the_chosen_theme_needs_no_later_script(
    chromium: Browser, address: str, chosen: str
) -> None:
    page, _ = open_page(
        chromium, f"{address}/book/index.html", 1280, "light" if chosen == "dark" else "dark"
    )
    page.evaluate(f"localStorage.setItem('theme', '{chosen}')")
    page.route("**/*.js*", lambda route: route.abort())
    page.reload()
    assert brightness(page) == chosen
    page.close()


def test_the_drawers_open_and_close_by_keyboard(chromium: Browser, address: str) -> None:
    page, _ = open_page(chromium, f"{address}/book/use/tensor.html", 390, "light")
    drawer, contents = page.locator(".sidebar-drawer"), page.locator(".toc-drawer")
    assert not drawer.is_visible()
    assert not contents.is_visible()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "本文へ移る"
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(drawer).to_be_in_viewport()
    assert page.evaluate("!!document.activeElement.closest('.sidebar-drawer')")
    page.keyboard.press("Escape")
    expect(drawer).to_be_hidden()
    opener = page.locator(".nav-overlay-icon")
    expect(opener).to_be_focused()
    expect(opener).to_have_attribute("aria-expanded", "false")
    page.locator(".toc-header-icon").focus()
    page.keyboard.press("Space")
    expect(contents).to_be_in_viewport()
    page.keyboard.press("Enter")
    expect(contents).to_be_hidden()
    assert page.evaluate("location.hash") == "#sec-tensor-goals"
    page.close()


def test_the_skip_link_leads_into_the_text(chromium: Browser, address: str) -> None:
    page, _ = open_page(chromium, f"{address}/book/use/tensor.html", 1280, "light")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("!!document.activeElement.closest('main')")
    page.close()


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("theme", THEMES)
def test_whatever_has_the_focus_is_seen(
    chromium: Browser, address: str, width: int, theme: str
) -> None:
    page, _ = open_page(chromium, f"{address}/book/use/tensor.html", width, theme)
    page.emulate_media(reduced_motion="reduce")
    seen: list[list[object]] = []
    while not seen or seen[-1][0] != "BODY":  # 最後まで行くと、ブラウザーの枠に出る
        page.keyboard.press("Tab")
        seen.append(page.evaluate(FOCUSED))
    page.close()
    seen.pop()
    kinds = {kind for kind, *_ in seen}
    assert {"A", "BUTTON", "SUMMARY", "PRE"} <= kinds if width == 390 else {"A", "BUTTON"} <= kinds
    assert [place for place in seen if not all(place[2:])] == []


# 焦点のあるものの種類、文字、画面の中にあるか、自分か中身に輪郭があるか
FOCUSED = """() => {
  const e = document.activeElement, box = e.getBoundingClientRect();
  const outlined = part => {
    const style = getComputedStyle(part);
    return style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2 && style.opacity > 0.6;
  };
  return [e.tagName, e.textContent.slice(0, 30),
    box.width > 0 && box.right > 0 && box.left < innerWidth && box.bottom > 0 && box.top < innerHeight,
    [e, ...e.children].some(outlined)];
}"""


@pytest.mark.parametrize("name", PAGES)
def test_print_opens_every_fold_and_leaves_out_the_navigation(
    chromium: Browser, address: str, name: str
) -> None:
    page, _ = open_page(chromium, f"{address}/book/{name}.html", 1280, "dark")
    page.emulate_media(media="print", color_scheme="dark")
    closed = page.evaluate(
        """() => new Promise(resolve => requestAnimationFrame(() => requestAnimationFrame(resolve)))
          .then(() => [...document.querySelectorAll("article details > :not(summary)")]
          .filter(e => getComputedStyle(e).display !== "none")  // 画面だけのもの
          .filter(e => !e.checkVisibility({contentVisibilityAuto: true}))
          .map(e => e.textContent.slice(0, 40)))"""
    )
    shown = page.locator(
        ".sidebar-drawer, .toc-drawer, .mobile-header, .related-pages, .theme-toggle, .copybtn"
    )
    shown_texts = [part.inner_text() for part in shown.all() if part.is_visible()]
    bright = brightness(page)
    page.close()
    assert closed == []
    assert shown_texts == []
    assert bright == "light"


@pytest.mark.parametrize("width", WIDTHS)
def test_a_link_into_the_middle_of_a_page_arrives(
    chromium: Browser, address: str, width: int
) -> None:
    url = f"{address}/book/how/reverse-mode.html#sec-reverse-mode-cost"
    page, _ = open_page(chromium, url, width, "light")
    heading = page.locator("#sec-reverse-mode-cost > .heading")
    place = "e => e.getBoundingClientRect().top"
    assert 0 <= heading.evaluate(place) <= 250
    page.mouse.wheel(0, -600)  # 上の節の高さが決まっても、読んでいる行は動かない
    page.wait_for_timeout(300)
    assert 350 <= heading.evaluate(place) <= 900
    page.close()
