"""わざと壊した章が、それぞれ自分の理由でビルドを止めること。

正しい章 ``defects/good.md`` の写しを、1か所ずつ壊して1冊の本にし、一度だけビルドする。
壊した章ごとに、その章を指す警告がちょうど期待どおりのものだけであることを確かめる。
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
JUPYTER_BOOK = Path(sys.executable).with_name("jupyter-book")
GOOD = (Path(__file__).parent / "defects" / "good.md").read_text(encoding="utf-8")


@dataclass(frozen=True)
class Defect:
    """``old`` を ``new`` に置きかえると、``says`` を含む警告だけが出る。

    その欠陥から当然ついてくる別の警告があるときは、``also`` に書く。
    """

    name: str
    old: str
    new: str
    says: str
    also: str | None = None


LAST_CELL = "```{code-cell} ipython3\nfrom bibun"


def before_last(text: str) -> tuple[str, str]:
    """最後のセルの前に ``text`` を足す置きかえ。"""
    return LAST_CELL, f"{text}\n\n{LAST_CELL}"


def cell(code: str, options: str = "") -> str:
    """コードセルのソース。"""
    return f"```{{code-cell}} ipython3\n{options}{code}\n```"


def html_output(html: str) -> str:
    """``html`` を出力するセルのソース。"""
    methods = f'    __repr__ = lambda self: "図"\n    _repr_html_ = lambda self: "{html}"'
    return cell(f"class Shown:\n{methods}\n\n\nShown()")


DEFECTS = (
    # 例外
    Defect(
        "unannounced-exception", *before_last(cell("int('x')")), "予告のない例外です: ValueError"
    ),
    Defect(
        "exception-does-not-come", "1 / 0\n", "1 / 1\n", "予告した例外 ZeroDivisionError が起き"
    ),
    Defect("other-exception", "1 / 0\n", "1 / one\n", "予告は ZeroDivisionError ですが、NameError"),
    Defect("unnamed-exception", "`ZeroDivisionError`", "例外", "本文のどこでも名指し"),
    Defect(
        "kind-missing", ":raises: ZeroDivisionError\n", "", "raises-exception のセルに :raises:"
    ),
    Defect("tag-missing", ":tags: [raises-exception]\n", "", ":raises: のあるセルに"),
    Defect("failing-test", "math.pi > 3\n", "math.pi > 4\n", "予告のない例外です: AssertionError"),
    # 実行
    Defect(
        "not-a-notebook",
        "format_name: myst",
        "format_name: markdown",
        "jupytext の設定",
        "code-cell",
    ),
    Defect("no-kernel", "kernelspec:", "kernelspek:", "kernelspec がありません"),
    Defect(
        "not-executed",
        *before_last(cell("1", ":tags: [skip-execution]\n")),
        "実行されていない",
        "使えない札",
    ),
    # 標準エラー出力
    Defect(
        "unannounced-warning",
        *before_last(cell("warnings.warn('ほかの警告')")),
        "予告のない標準エラー出力です: UserWarning",
    ),
    Defect("warning-does-not-come", 'warnings.warn("気をつけて")', "pass", "「UserWarning」が現れ"),
    Defect("missing-glyph", "plt.plot([0, 1]);", 'plt.title("\\U00013000");', "missing from font"),
    # 出力に混ざるもの
    Defect("address", *before_last(cell("print(object())")), "出力にアドレスが"),
    Defect("home-path", *before_last(cell("print('/home/me/x.py')")), "ファイルの置き場所"),
    Defect("temporary-path", *before_last(cell("print('/tmp/x')")), "ファイルの置き場所"),
    Defect("package-path", *before_last(cell("math.tau\nplt.__file__")), "ファイルの置き場所"),
    # 手で書いた出力
    Defect("typed-output", "math.pi\n", "math.pi  # → 3.14\n", "手で書いた出力"),
    Defect("static-session", *before_last("```python\n>>> 1 + 1\n2\n```"), "動かない対話例"),
    Defect(
        "pasted-traceback",
        *before_last("```text\nTraceback (most recent call last):\n```"),
        "動かない対話例",
    ),
    Defect("unsupported-number", "3.14159です", "3.14160です", "本文の数 3.14160 が"),
    # 隠すセル
    Defect("hidden-code", "assert math.pi > 3\n", "tau = 2 * math.pi\n", "assert がありません"),
    Defect("hidden-output", "assert math.pi > 3\n", "print(1)\n", "assert と import と代入だけ"),
    Defect("hidden-without-test", "[remove-cell, test]", "[remove-cell]", "必ず一緒に使います"),
    Defect("unknown-tag", "tags: [hide-input]", "tags: [hide-cell]", "使えない札です: hide-cell"),
    # 章の約束
    Defect(
        "unlabelled-heading",
        "(sec-SLUG-first)=\n## ",
        "## ",
        "の直前に札",
        "sec-unlabelled-heading-first",
    ),
    Defect(
        "too-deep",
        "## 見出し",
        "## 見出し\n\n(sec-SLUG-a)=\n### 浅い\n\n(sec-SLUG-b)=\n#### 深い",
        "深すぎます",
    ),
    Defect("no-description", '"description lang=ja":', '"keywords":', "「description lang=ja」"),
    Defect("no-alt-text", "    alt: 右上がりの直線。", "    alt: ''", "代替テキスト"),
    Defect("long-cell", *before_last(cell("\n".join(["math.e"] * 16))), "セルが16行"),
    Defect("forbidden-import", *before_last(cell("import sys")), "章では sys を読み込めません"),
    Defect("shell-command", *before_last(cell("!true")), "! や % の命令"),
    Defect(
        "private-name",
        *before_last(cell("from bibun.exercise import _flatten")),
        "bibun の非公開の名前",
    ),
    # 演習
    Defect(
        "unknown-exercise", ":id: 1-1", ":id: 1-1 99-9", "番号 99-9 は bibun.exercises にありません"
    ),
    Defect("one-hint", ":::{hint}\n二つ目。\n:::\n", "", "hint が1、answer が1"),
    Defect("unchecked-exercise", 'check("1-1", ...)', "1", 'check("1-1", …) を呼ぶセル'),
    Defect("stray-hint", *before_last(":::{hint}\n迷子。\n:::"), "演習の中に置きます"),
    # Sphinxの警告
    Defect(
        "broken-reference", "](#sec-SLUG-first)", "](#sec-SLUG-frist)", "sec-broken-reference-frist"
    ),
    Defect(
        "dead-link",
        *before_last("[行き先](good.html#sec-good-first)"),
        "good.html#sec-good-first",
    ),
    Defect(
        "dead-label",
        *before_last("[行き先](good.md#sec-good-frist)"),
        "'sec-good-frist'",
        "行き先が",
    ),
    # Sphinxの知らないリンク(`bibun_site.links`)
    Defect(
        "dead-page-in-output",
        *before_last(html_output('<a href=\\"nowhere.html\\">行き先</a>')),
        "リンク nowhere.html の行き先が",
    ),
    Defect(
        "dead-anchor-in-output",
        *before_last(html_output('<a href=\\"good.html#sec-good-frist\\">行き先</a>')),
        "リンク good.html#sec-good-frist の行き先が",
    ),
    Defect(
        "dead-picture-in-output",
        *before_last(html_output('<img src=\\"no.png\\" alt=\\"図\\">')),
        "リンク no.png の行き先が",
    ),
    Defect("unknown-directive", *before_last(":::{notte}\nx\n:::"), "Unknown directive type"),
    Defect("missing-picture", *before_last("![代替](nowhere.png)"), "nowhere.png"),
    Defect("broken-formula", "円周率は3", "$\\fraq{1}{2}$。円周率は3", "式は \\fraq{1}{2}"),
    Defect("japanese-in-formula", "円周率は3", "$y = 傾き$。円周率は3", "unicodeTextInMathMode"),
    Defect(
        "unlabelled-number",
        "begin{gather*}x + y = 3\\end{gather*}",
        "begin{gather}x\\end{gather}",
        "番号の付く式は",
    ),
    Defect("unknown-role", "円周率は", "{rroole}`x`円周率は", "Unknown interpreted text role"),
)


@dataclass(frozen=True)
class Built:
    """ビルドの結果。"""

    returncode: int
    log: str

    def warnings(self, name: str) -> list[str]:
        """章 ``name`` を指す警告。"""
        return re.findall(rf"book/{name}\.md(?::\d+)?: (?:WARNING|ERROR): (.*)", self.log)


def build(folder: Path, chapters: dict[str, str]) -> Built:
    """章を1冊にして、本物の設定でビルドする。"""
    (folder / "book").mkdir(parents=True, exist_ok=True)
    shutil.copy(ROOT / "_config.yml", folder)
    names = list(chapters)
    toc = f"format: jb-book\nroot: book/{names[0]}\n"
    if names[1:]:
        toc += "chapters:\n" + "".join(f"  - file: book/{name}\n" for name in names[1:])
    (folder / "_toc.yml").write_text(toc, encoding="utf-8")
    for name, text in chapters.items():
        (folder / "book" / f"{name}.md").write_text(text.replace("SLUG", name), encoding="utf-8")
    done = subprocess.run(
        [JUPYTER_BOOK, "build", ".", "-n", "-W", "--keep-going"],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return Built(done.returncode, re.sub(r"\x1b\[[0-9;]*m", "", done.stdout))


def planted(defect: Defect) -> str:
    """正しい章を1か所だけ壊す。"""
    assert GOOD.count(defect.old) == 1, f"{defect.name}: 置きかえる場所が1つではありません"
    return GOOD.replace(defect.old, defect.new)


@pytest.fixture(scope="module")
def broken_book(tmp_path_factory: pytest.TempPathFactory) -> Built:
    chapters = {"good": GOOD} | {defect.name: planted(defect) for defect in DEFECTS}
    return build(tmp_path_factory.mktemp("broken"), chapters)


@pytest.mark.xdist_group("planted-defects")
def test_a_book_without_defects_is_built(tmp_path: Path) -> None:
    built = build(tmp_path, {"good": GOOD})
    assert built.returncode == 0, built.log
    assert "3.14159" in (tmp_path / "_build/html/book/good.html").read_text(encoding="utf-8")
    assert "WARNING" not in built.log.replace("[IPKernelApp] WARNING", "")


@pytest.mark.xdist_group("planted-defects")
def test_one_defect_alone_fails_the_build_and_fails_it_again(tmp_path: Path) -> None:
    typed = next(defect for defect in DEFECTS if defect.name == "typed-output")
    built = build(tmp_path, {"good": GOOD, "typed-output": planted(typed)})
    assert built.returncode != 0
    again = subprocess.run(
        [JUPYTER_BOOK, "build", "."],
        cwd=tmp_path,
        capture_output=True,
        check=False,
    )
    assert again.returncode != 0, "2度目のビルドが、直っていないのに通りました"


@pytest.mark.xdist_group("planted-defects")
def test_a_dead_link_is_reported_at_its_line(broken_book: Built) -> None:
    defect = next(defect for defect in DEFECTS if defect.name == "dead-page-in-output")
    lines = planted(defect).splitlines()
    number = next(n for n, line in enumerate(lines, start=1) if "nowhere.html" in line)
    assert re.search(
        rf"book/dead-page-in-output\.md:{number}: WARNING: リンク nowhere", broken_book.log
    )


@pytest.mark.xdist_group("planted-defects")
def test_a_chapter_taken_out_of_the_book_leaves_the_site_and_its_zip(tmp_path: Path) -> None:
    def published() -> tuple[set[str], set[str]]:
        site = tmp_path / "_build/html"
        names = {path.relative_to(site).as_posix() for path in site.rglob("*") if path.is_file()}
        with zipfile.ZipFile(site / "downloads/site.zip") as packed:
            inside = {name.partition("/")[2] for name in packed.namelist()}
        return {name for name in names if "gone" in name}, {n for n in inside if "gone" in n}

    gone = GOOD.replace("plt.plot([0, 1])", "plt.plot([0, 2])")
    assert build(tmp_path, {"good": GOOD, "gone": gone}).returncode == 0
    site, inside = published()
    assert "book/gone.html" in site & inside
    images = {path.name for path in (tmp_path / "_build/html/_images").iterdir()}
    (tmp_path / "book/gone.md").unlink()
    earlier = tmp_path / "_build/html/gone-index.html"  # 前のテーマが書いたページ
    earlier.write_text('<a href="nowhere.css">x</a>', encoding="utf-8")
    built = build(tmp_path, {"good": GOOD})
    assert built.returncode == 0, built.log
    assert published() == (set(), set())
    assert {path.name for path in (tmp_path / "_build/html/_images").iterdir()} < images


@pytest.mark.xdist_group("planted-defects")
def test_the_sound_chapter_among_broken_ones_has_no_warning(broken_book: Built) -> None:
    assert broken_book.returncode != 0
    assert broken_book.warnings("good") == []


@pytest.mark.xdist_group("planted-defects")
@pytest.mark.parametrize("defect", DEFECTS, ids=lambda defect: defect.name)
def test_planted_defect_turns_the_build_red_for_its_own_reason(
    broken_book: Built, defect: Defect
) -> None:
    warnings = broken_book.warnings(defect.name)
    assert warnings, f"見逃されました: {defect.name}"
    assert any(defect.says in warning for warning in warnings), warnings
    others = [warning for warning in warnings if defect.says not in warning]
    if defect.also is None:
        assert others == []
    else:
        assert all(defect.also in warning for warning in others), others
