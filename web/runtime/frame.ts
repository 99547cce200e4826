// 枠: サイトの外(opaque origin)に置かれ、プログラムを動かすワーカーを起こし、終わらせる。
//
// 枠のCSP(bundle.mjs が frame.html に書く)は、ワーカーにも受け継がれる。どこからも読み込めず、どこへも送れない。
import type { Boot, Files, ToFrame } from "./wire.js";

addEventListener("message", start);

/** ページの最初の知らせだけを受け取る。ほかの窓からのものは見ない。 */
function start(event: MessageEvent<Files>): void {
  const control = event.ports[0];
  if (event.source !== parent || !control) return;
  removeEventListener("message", start);
  const { "pyodide.asm.wasm": binary, "worker.js": script, ...files } = event.data;
  const wasm = WebAssembly.compile(binary);
  const workers = new Map<number, Worker>();

  control.onmessage = async ({ data, ports }: MessageEvent<ToFrame>) => {
    if (data.kind === "call") return control.postMessage(null);
    if (data.kind === "end") {
      workers.get(data.lane)?.terminate();
      workers.delete(data.lane);
      return;
    }
    const [port] = ports;
    if (!port) return;
    const address = URL.createObjectURL(new Blob([script], { type: "text/javascript" }));
    const worker = new Worker(address);
    URL.revokeObjectURL(address);
    workers.set(data.lane, worker);
    const broken = () => port.postMessage({ kind: "broken", reason: "ワーカーを起こせません" });
    worker.onerror = broken;
    try {
      const boot: Boot = { files, wasm: await wasm };
      worker.postMessage(boot, [port]);
    } catch {
      broken();
    }
  };
}
