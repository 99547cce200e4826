// ページの中でプログラムを動かす束(live.js)と、枠(frame.html)と、ワーカー(worker.js)を作る。
import { createHash } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as esbuild from "esbuild";

/** 置き場の `live/` に作り、live.js を呼ぶ番地を返す。番地は中身の印を持つので、前に公開したものが使われることはない。 */
export async function bundleRuntime(common) {
  const outdir = join(common.outdir, "live");
  await mkdir(outdir, { recursive: true });
  const build = async (name, format, define = {}) => {
    const entryPoints = [`web/runtime/${name}.ts`];
    const made = await esbuild.build({ ...common, entryPoints, format, define, write: false });
    return made.outputFiles[0].text;
  };
  /** 書いて、呼ぶときの番地を返す。 */
  const put = async (name, text) => {
    await writeFile(join(outdir, name), text);
    return `${name}?v=${createHash("sha256").update(text).digest("hex").slice(0, 16)}`;
  };
  await put("worker.js", await build("worker", "iife")); // 番地は、ほかのファイルとともに manifest.json が決める
  const frame = await put("frame.html", page((await build("frame", "iife")).trim()));
  return put("live.js", await build("live", "esm", { FRAME: JSON.stringify(frame) }));
}

/** 枠のページ。書かれたスクリプトと、渡されたファイルのほかは、何も読めない。 */
function page(script) {
  const hash = createHash("sha256").update(script).digest("base64");
  const policy = `default-src 'none'; script-src 'sha256-${hash}' blob: 'wasm-unsafe-eval'`;
  return `<!doctype html>
<html lang="ja">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="robots" content="noindex">
<title>プログラムを動かす枠</title>
<script>${script}</script>
</head>
<body></body>
</html>
`;
}
