// ワーカー: Pyodideを起こし、ページから届いたセルを bibun.browser.Session で動かす。
import { info } from "pyodide/pyodide-lock.json";
import type { Boot, FromWorker, Job } from "./wire.js";

const MEMORY = 1024 * 2 ** 20; // Pythonに使わせる記憶。これを超えると MemoryError になる
const HOME = "https://files.invalid/"; // Pyodideがファイルを探す名前。どこにもつながらない

declare const importScripts: unknown;

type Session = { run(code: string, cell: string): string };

type FileSystem = { writeFile(path: string, data: Uint8Array): void };

/** Pyodideのうち、ここで使うもの。 */
interface Pyodide {
  runPython(code: string): any;
}

addEventListener("message", ({ data, ports }: MessageEvent<Boot>) => boot(data, ports[0]!), {
  once: true,
});

async function boot({ files, wasm }: Boot, port: MessagePort): Promise<void> {
  const tell = (message: FromWorker) => port.postMessage(message);
  try {
    limitMemory();
    const pyodide = await load(files, wasm);
    let run = 0;
    const session = begin(pyodide, (output) => tell({ kind: "output", run, output }));
    port.onmessage = ({ data }: MessageEvent<Job>) => {
      ({ run } = data);
      try {
        tell({ kind: "result", run, result: session.run(data.code, data.cell) });
      } catch (error) {
        tell({ kind: "broken", reason: String(error) });
      }
    };
    tell({ kind: "ready" });
  } catch (error) {
    tell({ kind: "broken", reason: String(error) });
  }
}

async function load(files: Boot["files"], wasm: WebAssembly.Module): Promise<Pyodide> {
  // Pyodideの求めるものには、ページから渡されたもので答える
  const restored = { fetch: self.fetch, importScripts }; // 枠のCSPが、どこにもつながせない
  const fetch = async () => new Response(files["python_stdlib.zip"]);
  // Pyodideは importScripts が使えるか試す。あると、ブラウザーがCSPの違反として書き出す
  Object.assign(self, { fetch, importScripts: undefined });
  WebAssembly.instantiateStreaming = async (_, imports) => ({
    module: wasm,
    instance: await WebAssembly.instantiate(wasm, imports),
  });
  const [{ loadPyodide }, { default: createPyodideModule }] = await Promise.all([
    importBytes(files["pyodide.mjs"]),
    importBytes(files["pyodide.asm.mjs"]),
  ]);
  const silent = () => {};
  const options = {
    indexURL: HOME,
    createPyodideModule,
    lockFileContents: { info, packages: {} },
    packageBaseUrl: HOME,
    fsInit: async (FS: FileSystem) => FS.writeFile("/bibun.zip", new Uint8Array(files["bibun.zip"])),
    env: { HOME: "/home/pyodide", PYTHONHASHSEED: "0" },
    stdin: () => null,
    stdout: silent,
    stderr: silent,
  };
  const snapshot = files["snapshot.bin"];
  const pyodide = await loadPyodide({ ...options, _loadSnapshot: snapshot }).catch((failure: unknown) => {
    if (!snapshot) throw failure;
    return loadPyodide(options); // 記憶を読めないブラウザーでは、初めから起こす
  });
  Object.assign(self, restored);
  return pyodide;
}

async function importBytes(bytes: ArrayBuffer): Promise<any> {
  const address = URL.createObjectURL(new Blob([bytes], { type: "text/javascript" }));
  try {
    return await import(address);
  } finally {
    URL.revokeObjectURL(address);
  }
}

function begin(pyodide: Pyodide, emit: (json: string) => void): Session {
  const start = pyodide.runPython(`
import random, sys
if "/bibun.zip" not in sys.path:
    sys.path.insert(0, "/bibun.zip")
from bibun.browser import Session, install
install()
random.seed()  # 用意した記憶から始めても、乱数は毎回違う
Session
`);
  return start(emit) as Session;
}

/** Pythonの記憶が増えるのを、MEMORY までにする。 */
function limitMemory(): void {
  const grow = WebAssembly.Memory.prototype.grow;
  WebAssembly.Memory.prototype.grow = function (pages: number): number {
    if (this.buffer.byteLength + pages * 65536 > MEMORY) throw new RangeError("記憶の上限");
    return grow.call(this, pages);
  };
}
