// Pyodide(Python 3.14)の中で、bibunのすべての用例を実行し、結果をJSONで書く。使い方: node pyodide_doctests.mjs <srcの場所>
import { loadPyodide } from "pyodide";

const [source] = process.argv.slice(2);
const python = await loadPyodide();
python.mountNodeFS("/src", source);
const result = python.runPython(`
import doctest, importlib, json, pkgutil, sys

sys.path.insert(0, "/src")
import bibun

ABSENT = ("torch", "numpy", "matplotlib", "graphviz")


class Quiet(doctest.DocTestRunner):
    """ここにないライブラリーを読み込む用例は、その先を飛ばして数える。"""

    skipped = []
    failed = []

    def report_failure(self, out, test, example, got):
        if test.name not in self.skipped:
            self.failed.append([test.name, example.source, got])

    def report_unexpected_exception(self, out, test, example, info):
        if issubclass(info[0], ModuleNotFoundError) and info[1].name in ABSENT:
            self.skipped.append(test.name)
        elif test.name not in self.skipped:
            self.failed.append([test.name, example.source, repr(info[1])])


runner = Quiet(verbose=False)
names = [m.name for m in pkgutil.walk_packages(bibun.__path__, "bibun.")]
for name in names:
    for test in doctest.DocTestFinder().find(importlib.import_module(name)):
        runner.run(test, out=lambda text: None)
json.dumps({
    "python": sys.version.split()[0],
    "tried": runner.tries,
    "skipped": sorted(set(runner.skipped)),
    "failed": runner.failed,
})
`);
console.log(result);
