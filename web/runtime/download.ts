// Pyodideとbibunのファイルを、サイトから受け取る。
import { RuntimeFailure, TRY_AGAIN } from "./contract.js";
import type { Files } from "./wire.js";

export const PLACE = new URL(".", import.meta.url); // `_static/live/`

/** ビルドが書く、ファイルの一覧。大きさは送られるときの(圧縮した)バイトの数。 */
type Manifest = Record<keyof Files, { size: number; version: string }>;

const SNAPSHOT = "snapshot.bin"; // 大きい代わりに、起こす時間が短くなる。なくても動く

/** 読者が、通信量を減らすように端末に頼んでいるか。 */
function savesData(): boolean {
  const { connection } = navigator as { connection?: { saveData?: boolean } };
  return connection?.saveData ?? false;
}

/** すべてのファイルを、並べて受け取る。 */
export async function download(
  onProgress: (loaded: number, total: number) => void,
): Promise<Files> {
  const manifest: Manifest = await (await get("manifest.json", "no-cache")).json();
  const entries = Object.entries(manifest).filter(([name]) => name !== SNAPSHOT || !savesData());
  const total = entries.reduce((sum, [, { size }]) => sum + size, 0);
  let loaded = 0;
  const count = (bytes: number) => onProgress(Math.min((loaded += bytes), total), total);
  const files = entries.map(async ([name, { version }]) => {
    // 版を付けて呼ぶので、前に受け取ったものがあれば、ブラウザーはそれを使う
    const file = get(`${name}.gz?${version}`, "default").then(({ body }) => unpack(body!, count));
    return file.then(
      (bytes) => [[name, bytes]],
      (failure: unknown) => {
        if (name === SNAPSHOT) return [];
        throw failure;
      },
    );
  });
  return Object.fromEntries((await Promise.all(files)).flat()) as Files;
}

async function get(name: string, cache: RequestCache): Promise<Response> {
  const response = await fetch(new URL(name, PLACE), { cache }).catch(() => null);
  if (!response?.ok) {
    throw new RuntimeFailure(`プログラムを動かすためのファイルを受け取れませんでした。${TRY_AGAIN}`);
  }
  return response;
}

/** gzipを解く。サーバーがもう解いていれば、そのまま受け取る。 */
async function unpack(
  body: ReadableStream<Uint8Array<ArrayBuffer>>,
  count: (bytes: number) => void,
): Promise<ArrayBuffer> {
  const reader = body.getReader();
  const first = await reader.read();
  const packed = first.value?.[0] === 0x1f && first.value[1] === 0x8b;
  let chunk = first;
  const counted = new ReadableStream<Uint8Array<ArrayBuffer>>({
    async pull(controller) {
      if (chunk.done) return controller.close();
      count(chunk.value.length);
      controller.enqueue(chunk.value);
      chunk = await reader.read();
    },
  });
  const plain = packed ? counted.pipeThrough(new DecompressionStream("gzip")) : counted;
  return new Response(plain).arrayBuffer();
}
