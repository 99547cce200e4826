"""章の実行結果のキャッシュ。古い結果を返さず、要らない実行をさせない。

jupyter-cacheの鍵はセルの中身だけなので、章が使う ``bibun`` のソースが変わっても古い結果を返す。
そこで、章が読み込む ``bibun`` のモジュール(それが読み込むものも)と、実行の環境を鍵に加える。
"""

from __future__ import annotations

import ast
import functools
import hashlib
import platform
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from jupyter_cache.cache.main import JupyterCacheBase

import bibun
from bibun_site.environment import ENVIRONMENT, STARTUP

PACKAGE = Path(bibun.__file__).parent
ALWAYS = "bibun.notebook"  # どの章でも、始まるときに読み込まれる
EXERCISES = "bibun.exercises"  # 番号から、演習のファイルを探して読み込む
CHECKED = re.compile(r"""\bcheck\(\s*["']([^"']+)["']""")
DYNAMIC = re.compile(r"\b(import_module|__import__|iter_modules)\b")
CELL_FILE = re.compile(
    r'(File ")?(<ipython-input-[^>"]*>|([^\s"]*ipykernel_\d+[\\/])?\d+\.py)"?, line (?P<line>\d+)'
)
COLOR = re.compile(r"\x1b\[[0-9;]*m")
LANGUAGE = {
    "codemirror_mode": {"name": "ipython", "version": 3},
    "file_extension": ".py",
    "mimetype": "text/x-python",
    "name": "python",
    "nbconvert_exporter": "python",
    "pygments_lexer": "ipython3",
    "version": platform.python_version(),
}


class ChapterCache(JupyterCacheBase):
    """鍵に ``bibun`` と環境を含み、どの実行のしかたでも同じ形の結果をしまうキャッシュ。"""

    def create_hashed_notebook(self, nb: Any, *args: Any, **options: Any) -> tuple[Any, str]:
        hashed, key = super().create_hashed_notebook(nb, *args, **options)
        return hashed, digest([key, key_of(nb)])

    def cache_notebook_bundle(self, bundle: Any, *args: Any, **options: Any) -> Any:
        normalise(bundle.nb)
        return super().cache_notebook_bundle(bundle, *args, **options)


def digest(parts: Iterable[str]) -> str:
    """文字列の並びの指紋。"""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]


# ---- 鍵 -----------------------------------------------------------------------------------


def key_of(notebook: Any) -> str:
    """セルの中身のほかに、章の結果を左右するもの(使う ``bibun`` のソースと、環境)の指紋。"""
    return key_of_files(used_files(notebook))


def key_of_files(files: list[Path]) -> str:
    """ファイルの中身と環境の指紋。ファイルがなくなっていれば、どの指紋とも違う。"""
    if not all(path.exists() for path in files):
        return ""
    return digest([environment_key(), *map(fingerprint, files)])


@functools.cache
def fingerprint(path: Path) -> str:
    """ファイルの中身の指紋。多くの章が同じファイルを使うので、1度だけ読む。"""
    return digest([path.read_text(encoding="utf-8")])


@functools.cache
def environment_key() -> str:
    """Python、入っている版、CPUの命令、環境変数、実行のしかたの指紋。"""
    here = Path(__file__).parent
    executor = [(here / name).read_text(encoding="utf-8") for name in ("chapter.py", "recorder.py")]
    settings = [sys.version, processor(), str(sorted(ENVIRONMENT.items())), STARTUP]
    return digest([*settings, *versions(), *executor])


def versions() -> list[str]:
    """``requirements.txt`` に固定したパッケージの、固定した版と、実際に入っている版。"""
    path = PACKAGE.parent.parent / "requirements.txt"
    if not path.exists():
        return []
    pinned = re.findall(r"^([\w.-]+)==(\S+)", path.read_text(encoding="utf-8"), re.M)
    found = installed()
    return [f"{name}=={version} {found.get(plain(name), '')}" for name, version in pinned]


def installed() -> dict[str, str]:
    """入っているパッケージの版。``importlib.metadata`` で1つずつ聞くより、ずっと速い。"""
    found: dict[str, str] = {}
    for folder in sys.path:
        for path in Path(folder).glob("*.dist-info"):
            name, _, version = path.stem.partition("-")
            found.setdefault(plain(name), version)
    return found


def plain(name: str) -> str:
    """書き方の違い(大文字、``_``、``.``)をそろえた、パッケージの名前。"""
    return re.sub(r"[-_.]+", "-", name).lower()


def processor() -> str:
    """CPUの種類と、使える命令。"""
    info = Path("/proc/cpuinfo")
    flags = re.search(r"^(flags|Features)\s*:.*", info.read_text(), re.M) if info.exists() else None
    return f"{platform.machine()} {flags[0] if flags else platform.processor()}"


class Roots(NamedTuple):
    """どのファイルを使うかを決めるもの。これと、使うファイルの中身が同じなら、使うファイルも同じである。"""

    imported: frozenset[str]  # セルが読み込む `bibun` のモジュール
    unchecked: frozenset[str]  # 章の使わない演習
    modules: str  # `bibun` にあるモジュールの指紋


def roots_of(notebook: Any) -> Roots:
    """セルから読み取る。"""
    return read_roots(*(cell.source for cell in notebook.cells if cell.cell_type == "code"))


@functools.cache
def read_roots(*sources: str) -> Roots:
    """コードセルのソースから読み取る。"""
    found = frozenset().union(*(imported(source, package="") for source in sources))
    return Roots(found, unchecked("\n".join(sources)), digest(sorted(package_modules())))


_used: dict[Roots, list[Path]] = {}


def recall(roots: Roots, files: list[Path]) -> None:
    """前のビルドで調べた、使うファイル。中身はどれも変わっていない。"""
    _used[roots] = files


def used_files(notebook: Any) -> list[Path]:
    """セルが読み込む ``bibun`` のファイル。直接にも、間接にも。"""
    roots = roots_of(notebook)
    if roots not in _used:
        _used[roots] = follow(roots)
    return _used[roots]


def follow(roots: Roots) -> list[Path]:
    """読み込まれるものを、たどって集める。"""
    modules = package_modules()
    waiting = {ALWAYS, *roots.imported}
    used: set[str] = set()
    while waiting:
        name = waiting.pop()
        used.add(name)
        needed = module_imports(modules[name], name)
        if name == EXERCISES:
            needed -= roots.unchecked
        waiting |= needed - used
    return sorted(modules[name] for name in used)


def unchecked(source: str) -> frozenset[str]:
    """演習のモジュールのうち、``check("番号", …)`` に番号の現れないもの。番号を組み立てているなら、なし。"""
    numbers = [f'"{number}"' for number in CHECKED.findall(source)]
    if len(numbers) != len(re.findall(r"\bcheck\(", source)) or "exercises()" in source:
        return frozenset()
    return frozenset(
        name
        for name, path in package_modules().items()
        if name.startswith(f"{EXERCISES}.")
        and not any(number in path.read_text(encoding="utf-8") for number in numbers)
    )


@functools.cache
def package_modules() -> dict[str, Path]:
    """``bibun`` のモジュールの名前とファイル。"""
    found = {}
    for path in PACKAGE.rglob("*.py"):
        parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


@functools.cache
def module_imports(path: Path, name: str) -> frozenset[str]:
    """モジュールが読み込む ``bibun`` のモジュール。"""
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    return imported(path.read_text(encoding="utf-8"), package)


def imported(source: str, package: str) -> frozenset[str]:
    """ソースが読み込む ``bibun`` のモジュール。名前を組み立てて読み込むなら、``package`` の全部。"""
    modules = package_modules()
    if DYNAMIC.search(source):
        return frozenset(name for name in modules if name.startswith(package))
    try:
        tree = ast.parse(source)
    except SyntaxError:  # 構文の誤りを見せるセルは、何も読み込まない
        return frozenset()
    found = set()
    for name in names(tree, package):
        parts = name.split(".")
        found |= {".".join(parts[:length]) for length in range(1, len(parts) + 1)}
    return frozenset(found & modules.keys())


def names(tree: ast.Module, package: str) -> Iterator[str]:
    """``import`` の文に現れる、モジュールかもしれない名前。"""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) + 1 - node.level]
            base = ".".join([*above, *filter(None, [node.module])]) if node.level else node.module
            yield from (f"{base}.{alias.name}" for alias in node.names)


# ---- 形をそろえる -------------------------------------------------------------------------


def normalise(notebook: Any) -> None:
    """実行のしかたで変わりうるところ(文字の流れの切れ目と、言語の説明)をそろえる。

    ふつうのカーネルは、標準出力と標準エラー出力を別々に溜めて時々送るので、切れ目と互いの順序が
    毎回変わる。ほかの出力ではさまれた区間ごとに、標準出力を1つ、標準エラー出力を1つにする。
    """
    notebook.metadata["language_info"] = LANGUAGE
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = merge_streams(cell.outputs)
            for output in cell.outputs:
                if output.output_type == "error":
                    output.evalue = name_cell(output.evalue)
                    output.traceback = [name_cell(line) for line in output.traceback]


def name_cell(text: str) -> str:
    """色を除き、構文の誤りに現れるセルのファイル名(実行のたびに変わる)を、セルの行に替える。"""
    return CELL_FILE.sub(lambda match: f"セルの{match['line']}行目", COLOR.sub("", text))


def merge_streams(outputs: list[Any]) -> list[Any]:
    """続く文字の流れを、標準出力、標準エラー出力の順に1つずつにまとめる。"""
    merged: list[Any] = []
    run: dict[str, Any] = {}
    for output in [*outputs, None]:
        if output is not None and output.output_type == "stream":
            if output.name in run:
                run[output.name].text += output.text
            else:
                run[output.name] = output
            continue
        merged += [run[name] for name in ("stdout", "stderr") if name in run]
        run = {}
        merged += [output] if output is not None else []
    return merged
