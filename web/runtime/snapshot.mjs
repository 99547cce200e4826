// Pyodideを起こしてbibunを読み込んだところの記憶(snapshot)を書く。ページはここから始めるので、待つ時間が短い。
// 使い方: node snapshot.mjs <pyodideの場所> <bibun.zip> <書くところ>
//
// 時計と乱数を止めておくので、同じものからは、いつも同じ記憶ができる。
import crypto from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { pathToFileURL } from "node:url";

const [pyodide, archive, out] = process.argv.slice(2);
const NOW = 315532800000; // 1980-01-01

class StoppedDate extends Date {
  constructor(...given) {
    super(...(given.length ? given : [NOW]));
  }
  static now() {
    return NOW;
  }
}

const zeros = (view) => {
  new Uint8Array(view.buffer, view.byteOffset, view.byteLength).fill(0);
  return view;
};
globalThis.Date = StoppedDate;
performance.now = () => 0;
Math.random = () => 0.5;
globalThis.crypto.getRandomValues = zeros;
crypto.randomFillSync = zeros;
syncBuiltinESMExports();

const { loadPyodide } = await import(pathToFileURL(`${pyodide}/pyodide.mjs`));
const zip = readFileSync(archive);
const python = await loadPyodide({
  _makeSnapshot: true,
  env: { HOME: "/home/pyodide", PYTHONHASHSEED: "0" },
  fsInit: async (FS) => FS.writeFile("/bibun.zip", zip),
});
python.runPython('import sys\nsys.path.insert(0, "/bibun.zip")\nimport bibun.browser');
writeFileSync(out, python.makeMemorySnapshot());
