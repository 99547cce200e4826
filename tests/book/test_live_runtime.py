"""ページの中(ChromiumとFirefoxの、Pyodideとbibun)で、章のセルがビルドと同じ文字を出し、限りが守られること。"""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from playwright.sync_api import Browser, Route

from bibun.browser.session import OUTPUT_LIMIT
from bibun.exercises import exercises

from .live import BROWSERS, RUN_CHAPTER, Window, open_asked, open_live, run, text_of
from .test_book import PAGES, ROOT

HIDDEN_STEPS = re.compile(r"\n  \(ライブラリーの内側の\d+段は省略\)")
# 言葉までは比べない誤答と、その理由
CHAOTIC = {"lr = 10.0": "谷を飛び越え続ける道すじは、最後の桁の丸めで大きく変わる"}
MISSING = {"ModuleNotFoundError", "PackageNotFoundError", "NameError", "AttributeError"}
PRELUDE = "import math, torch\nfrom bibun.exercises import check\n"
# 同じ文字にならないセルと、その理由。キーはセルのどこかに現れる文字列
DIFFERENT = {
    'print("RecursionError:", error)': "Pythonの言葉が、3.12から短くなった",
    **dict.fromkeys(
        ("forward_mode(1.0, 10_000)", "reverse_mode(1.0, 10_000)", "checkpointed(1.0, 10_000"),
        "sinとcosを1万回重ねるので、数学関数の最後の桁の違いが14桁めに出る(glibcとmusl)",
    ),
    'calls["forward"].calls == 6': "動かせない図のセルが数えた回数を、確かめるセル(読者には見えない)",
}


@pytest.fixture(scope="module", params=BROWSERS)
def page(request: pytest.FixtureRequest) -> Iterator[Window]:
    yield from open_asked(request)


def has_cells(name: str) -> bool:
    """コードセルのある章か。"""
    return "```{code-cell}" in (ROOT / "book" / f"{name}.md").read_text("utf-8")


def chapters(site: Path) -> list[dict[str, Any]]:
    folder = site / "_static" / "live" / "cells"
    return [json.loads(path.read_text("utf-8")) for path in sorted(folder.rglob("*.json"))]


def built(cell: Any) -> dict[str, str]:
    """ビルドの出力を、流れごとの文字にする。torchの内側の段数は、bibunと違うので除く。"""
    parts: dict[str, str] = {}
    for output in cell.outputs:
        if output.output_type == "stream":
            kind, text = output.name, output.text
        elif output.output_type == "error":
            kind, text = "error", HIDDEN_STEPS.sub("", "\n".join(output.traceback))
        elif "text/html" in output.data:
            kind, text = "figure", output.data["text/html"]
        else:
            kind, text = "text", output.data["text/plain"]
        parts[kind] = parts.get(kind, "") + text
    return parts


def live(outputs: list[dict[str, Any]]) -> dict[str, str]:
    """ページの中の出力を、同じ形にする。"""
    parts: dict[str, str] = {}
    for output in outputs:
        if output["kind"] == "error":
            kind, text = "error", "\n".join(output["trace"])
        elif output["kind"] == "figure":
            kind, text = "figure", output["markup"]
        else:
            kind, text = output.get("name") or output["kind"], output["text"]
        parts[kind] = parts.get(kind, "") + text
    return parts


def graphviz_labels(markup: str) -> list[str]:
    """torchvizの図の、箱の演算の名前。配置はGraphvizとbibunで違う。"""
    return sorted(re.findall(r">\s*(\w+Backward\d|AccumulateGrad)\s*<", markup))


@pytest.mark.parametrize("name", [name for name in PAGES if has_cells(name)])
def test_runnable_cells_print_the_characters_of_the_build(page: Window, name: str) -> None:
    notebook = nbformat.read(ROOT / "_build" / "jupyter_execute" / f"book/{name}.ipynb", 4)
    different = []
    for cell in page.evaluate(RUN_CHAPTER, name):
        if cell["reason"] is not None or any(mark in cell["code"] for mark in DIFFERENT):
            continue
        source = notebook.cells[int(cell["id"].split("#")[1])]
        assert source.source == cell["code"]
        want, got = built(source), live(cell["outputs"])
        if "Graphviz" in want.get("figure", ""):
            for parts in (want, got):
                parts["figure"] = " ".join(graphviz_labels(parts["figure"]))
        if want != got:
            different.append(f"{cell['id']}\n{cell['code']}\nビルド: {want}\nページ: {got}")
    assert not different, f"{len(different)}個のセルで違います\n" + "\n\n".join(different)


def test_nine_cells_in_ten_run_and_the_others_say_why(site: Path) -> None:
    visible = [cell for chapter in chapters(site) for cell in chapter["cells"] if cell["visible"]]
    reasons = [cell["reason"] for cell in visible if cell["reason"] is not None]
    assert len(visible) > 400
    assert len(reasons) <= 0.1 * len(visible)
    assert all(reason.endswith("。") for reason in reasons)


def test_cells_in_the_page_carry_their_name_and_reason(site: Path) -> None:
    for chapter in chapters(site):
        html = (site / "book" / f"{chapter['chapter']}.html").read_text("utf-8")
        visible = [cell for cell in chapter["cells"] if cell["visible"]]
        assert re.findall(r'data-cell="([^"]+)"', html) == [cell["id"] for cell in visible]
        marked = re.findall(r'data-cell="([^"]+)" data-not-runnable=', html)
        assert marked == [cell["id"] for cell in visible if cell["reason"] is not None]


@pytest.mark.parametrize(
    "page", ["chromium"], indirect=True, scope="module"
)  # どちらでも同じPython
def test_cells_that_cannot_run_really_cannot(page: Window, site: Path) -> None:
    """動かないとしたセルを、そのまま動かすと、本当に名前やモジュールがない。"""
    for chapter in chapters(site):
        unable = [cell for cell in chapter["cells"] if cell["reason"] is not None]
        if not unable:
            continue
        notebook = nbformat.read(
            ROOT / "_build" / "jupyter_execute" / f"book/{chapter['chapter']}.ipynb", 4
        )
        page.evaluate(RUN_CHAPTER, chapter["chapter"])
        for cell in unable:
            source = notebook.cells[int(cell["id"].split("#")[1])].source
            error = run(page, source)["result"]["error"]
            assert error is not None, cell["id"]
            assert error["name"] in MISSING, error


def half(packed: bytes) -> bytes:
    plain = gzip.decompress(packed)
    return gzip.compress(plain[: len(plain) // 2], 1)


# 届いた記憶をどう壊すか。None は、届かないこと
SPOILED: dict[str, Callable[[bytes], bytes] | None] = {
    "ない": None,
    "送られる途中で切れた": lambda packed: packed[: len(packed) // 2],
    "半分しかない": half,
}


@pytest.mark.parametrize("how", SPOILED)
def test_without_a_good_snapshot_python_starts_from_nothing(
    chromium: Browser, address: str, how: str
) -> None:
    context = chromium.new_context()
    asked: list[str] = []

    def spoil(route: Route) -> None:
        asked.append(route.request.url)
        change = SPOILED[how]
        if change is None:
            route.fulfill(status=404)
        else:
            route.fulfill(body=change(route.fetch().body()), content_type="application/gzip")

    context.route("**/snapshot.bin.gz*", spoil)
    page = open_live(context, address)
    still_works(page)
    assert len(asked) == 1
    context.close()


@pytest.mark.parametrize("identifier", sorted(exercises()))
def test_answers_are_judged_as_in_the_notebook(page: Window, identifier: str) -> None:
    exercise = exercises()[identifier]
    for code in exercise.right:
        verdict = run(page, PRELUDE + code)["result"]["verdicts"][-1]
        assert (verdict["id"], verdict["status"]) == (identifier, "right"), verdict
    for wrong in exercise.wrong:
        verdict = run(page, PRELUDE + wrong.code)["result"]["verdicts"][-1]
        assert verdict["status"] != "right"
        if not any(mark in wrong.code for mark in CHAOTIC):
            assert wrong.says in verdict["message"]


# ---- 限り -----------------------------------------------------------------------------------


def still_works(page: Window) -> None:
    ran = run(page, "import torch\nprint(torch.tensor(2.0) * 3)")
    assert text_of(ran["outputs"]) == "tensor(6.)\n"


def test_an_endless_loop_ends_at_the_time_limit(page: Window) -> None:
    ran = run(page, "while True: pass", limit=1)
    assert ran["result"]["ended"] == "timeout"
    assert not ran["result"]["kept"]
    assert "終わらなかったので、止めました" in text_of(ran["outputs"])
    still_works(page)


def test_an_endless_loop_is_stopped_and_so_is_what_waits_behind_it(page: Window) -> None:
    ended = page.evaluate("""async () => {
      const options = { cell: "止める#1", onOutput: () => {} };
      const both = [runtime.run("while True: pass", options), runtime.run("1 / 0", options)];
      await new Promise((done) => setTimeout(done, 300));
      await runtime.stop();
      return (await Promise.all(both)).map(({ ended, kept }) => [ended, kept]);
    }""")
    assert ended == [["stopped", False], ["stopped", False]]
    still_works(page)


def test_a_flood_of_output_is_cut_and_the_variables_stay(page: Window) -> None:
    ran = run(page, "for i in range(10**5): print('あふれる出力', i)\nkept = 1")
    assert ran["result"]["ended"] == "done"
    text = text_of(ran["outputs"])
    assert OUTPUT_LIMIT < len(text) + 200 * 100 < OUTPUT_LIMIT + 30_000
    assert text.endswith("続きは表示しません。")
    assert run(page, "kept")["outputs"] == [{"kind": "text", "text": "1"}]


def test_printing_forever_ends_at_the_time_limit(page: Window) -> None:
    ran = run(page, "while True: print('まだ')", limit=2)
    assert ran["result"]["ended"] == "timeout"
    assert len(ran["outputs"]) < 2_500
    assert len(text_of(ran["outputs"])) < OUTPUT_LIMIT + 1_000
    still_works(page)


@pytest.mark.parametrize(
    "code",
    [
        "x = [0] * 10**10",
        "x = 'あ' * 2**33",
        "x = bytearray(1 << 31)",
        "x = []\nwhile True: x.append(bytes(10**7))",
        "import torch\ntorch.zeros(10**5, 10**5)",
    ],
)
def test_a_huge_allocation_ends_in_a_message(page: Window, code: str) -> None:
    ran = run(page, code)
    error = ran["result"]["error"]
    assert ran["result"]["ended"] == "crashed" or error["name"] in {"MemoryError", "OverflowError"}
    assert ran["outputs"]
    still_works(page)


@pytest.mark.parametrize(
    "code",
    [
        "def f(n): return f(n + 1)\nf(0)",
        "import sys\nsys.setrecursionlimit(10**9)\ndef f(n): return f(n + 1)\nf(0)",
        "x = []\nfor _ in range(10**5): x = [x]\nrepr(x)",
        "class A:\n    def __repr__(self): return repr(self)\nA()",
    ],
)
def test_deep_recursion_ends_in_a_message(page: Window, code: str) -> None:
    ran = run(page, code)
    assert ran["result"]["ended"] in {"error", "crashed"}
    assert ran["outputs"]
    still_works(page)


def test_a_deep_graph_is_swept_and_freed(page: Window) -> None:
    ran = run(
        page,
        "import torch\nx = torch.tensor(1.0, requires_grad=True)\ny = x\n"
        "for _ in range(10**5): y = y + 1\ny.backward()\ndel y\nx.grad",
        limit=120,
    )
    assert ran["outputs"] == [{"kind": "text", "text": "tensor(1.)"}]
    still_works(page)


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("input('名前は? ')", "input() を使えません"),
        ("exit()", "SystemExit"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt"),
        ("import sys\nsys.stdin.readline()", "input"),
        ("1 +", "SyntaxError"),
        ("import numpy", "ModuleNotFoundError"),
    ],
)
def test_other_ends_have_words_and_keep_the_variables(page: Window, code: str, says: str) -> None:
    ran = run(page, code)
    assert ran["result"]["kept"]
    assert says in json.dumps(ran["outputs"], ensure_ascii=False)
    still_works(page)


def test_a_broken_session_is_replaced(page: Window) -> None:
    ran = run(page, "import json\njson.dumps = None")
    assert ran["result"]["ended"] == "crashed"
    still_works(page)


def test_a_result_that_cannot_be_taken_ends_at_once(page: Window) -> None:
    ran = run(page, "import json\njson.dumps = lambda *_, **__: 'あ' * 3_000_000")
    assert ran["result"]["ended"] == "crashed"
    still_works(page)


@pytest.mark.parametrize("letter", ["あ", "𝑥", "\0"], ids=ascii)
def test_an_overlong_error_is_cut_and_the_variables_stay(page: Window, letter: str) -> None:
    ran = run(page, f"kept = 1\nraise ValueError({letter!r} * 1_100_000)")
    assert ran["result"]["ended"] == "error"
    assert ran["result"]["error"]["message"].endswith("続きは表示しません)")
    assert [output["kind"] for output in ran["outputs"]] == ["error"]
    assert run(page, "kept")["outputs"] == [{"kind": "text", "text": "1"}]


def test_a_worker_that_cannot_start_is_reported_and_started_anew(page: Window) -> None:
    found = page.evaluate(
        """async () => {
          const { fetch } = window;
          window.fetch = (place, options) => String(place).includes("worker.js")
            ? Promise.resolve(new Response("throw new Error('起きない')"))
            : fetch(place, options);
          const runtime = live.createRuntime();
          const late = new Promise((done) => setTimeout(done, 30_000, ["時間切れ"]));
          const failed = runtime.start().then(() => [], ({ name, message }) => [name, message]);
          const found = await Promise.race([failed, late]);
          window.fetch = fetch;
          if (found.length < 2) return found;
          await runtime.start();
          (await runtime.frame).remove();
          return found;
        }"""
    )
    assert found[0] == "RuntimeFailure"
    assert "用意ができませんでした" in found[1]


# 枠のプロセスがなくなると、ページから見て、枠が消されたのと同じに、何も届かなくなる
LOSE = "document.querySelectorAll('iframe').forEach((frame) => frame.remove())"


def test_a_program_whose_frame_is_lost_ends_and_the_next_one_runs(page: Window) -> None:
    ran = page.evaluate(
        f"""async () => {{
          const outputs = [];
          const options = {{ cell: "失う#1", onOutput: (output) => outputs.push(output) }};
          const running = runtime.run("while True: pass", options);
          setTimeout(() => {LOSE}, 200);
          return {{ result: await running, outputs }};
        }}"""
    )
    assert (ran["result"]["ended"], ran["result"]["kept"]) == ("crashed", False)
    assert "動かし直しました" in text_of(ran["outputs"])
    still_works(page)


def test_variables_lost_with_an_idle_frame_are_not_taken_for_kept(page: Window) -> None:
    run(page, "kept = 1")
    page.evaluate(LOSE)
    page.wait_for_function("() => runtime.state === 'new'")
    ran = run(page, "kept")
    assert (ran["result"]["ended"], ran["result"]["kept"]) == ("crashed", False)
    still_works(page)


def lost_before_the_next_worker(page: Window) -> list[str]:
    """枠がなくなった後に時間切れになったプログラムと、次のプログラムの終わり方。"""
    ended: list[str] = page.evaluate(
        f"""async () => {{
          const options = {{ cell: "失う#1", onOutput: () => {{}} }};
          const running = runtime.run("while True: pass", {{ ...options, timeLimit: 0.5 }});
          {LOSE};
          return [await running, await runtime.run("1 + 1", options)].map(({{ ended }}) => ended);
        }}"""
    )
    return ended


def test_a_frame_lost_while_the_next_worker_starts_is_replaced(page: Window) -> None:
    page.evaluate("runtime.reset()")  # 予備のワーカーを使い切る
    assert lost_before_the_next_worker(page) == ["timeout", "done"]
    still_works(page)


def test_a_frame_lost_after_the_next_worker_was_ready_is_replaced(page: Window) -> None:
    page.wait_for_function("() => runtime.spare?.ready.then(() => true)")
    assert lost_before_the_next_worker(page) == ["timeout", "done"]
    still_works(page)


def test_the_error_names_the_line_of_the_reader(page: Window) -> None:
    run(page, "def half(x):\n    return x / 0", cell="上#1")
    ran = run(page, "y = 1\n\nhalf(y)", cell="下#2")
    error = ran["result"]["error"]
    assert (error["name"], error["message"], error["line"]) == (
        "ZeroDivisionError",
        "division by zero",
        3,
    )
    assert error["trace"][1:5] == [
        "  セルの3行目",
        "    half(y)",
        "  セルの2行目、関数 half の中",
        "    return x / 0",
    ]


def test_the_source_of_what_a_cell_defines_can_be_read(page: Window) -> None:
    code = "class Pair:\n    def first(self):\n        return 1\n"
    ran = run(page, f"import inspect\n{code}\nprint(inspect.getsource(Pair), end='')")
    assert text_of(ran["outputs"]) == code
