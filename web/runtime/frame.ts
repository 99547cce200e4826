// 枠: サイトの外(opaque origin)に置かれ、プログラムを動かすワーカーを起こし、終わらせる。
//
// 枠のCSP(bundle.mjs が frame.html に書く)は、ワーカーにも受け継がれる。どこからも読み込めず、どこへも送れない。
import type { Boot, Files, FromFrame, ToFrame } from "./wire.js";

addEventListener("message", start);

/** ページの最初の知らせだけを受け取る。ほかの窓からのものは見ない。 */
function start(event: MessageEvent<Files>): void {
  const control = event.ports[0];
  if (event.source !== parent || !control) return;
  removeEventListener("message", start);
  const { "pyodide.asm.wasm": binary, "worker.js": script, ...files } = event.data;
  const wasm = WebAssembly.compile(binary);
  const workers = new Map<number, Worker>();
  const tell = (message: FromFrame) => control.postMessage(message);

  control.onmessage = async ({ data, ports }: MessageEvent<ToFrame>) => {
    if (data.kind === "call") return tell({ kind: "answer" });
    const { lane } = data;
    if (data.kind === "end") {
      workers.get(lane)?.terminate();
      workers.delete(lane);
      return;
    }
    const broken = () => tell({ kind: "broken", lane });
    try {
      const address = URL.createObjectURL(new Blob([script], { type: "text/javascript" }));
      const worker = new Worker(address);
      URL.revokeObjectURL(address);
      workers.set(lane, worker);
      worker.onerror = broken;
      const boot: Boot = { files, wasm: await wasm };
      worker.postMessage(boot, [...ports]);
    } catch {
      broken();
    }
  };
}
