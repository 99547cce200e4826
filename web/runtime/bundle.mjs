// ページの中でプログラムを動かす束(live.js)と、枠(frame.html)と、ワーカー(worker.js)を作る。
import { createHash } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as esbuild from "esbuild";

/** 置き場の `live/` に作る。 */
export async function bundleRuntime(common) {
  const outdir = join(common.outdir, "live");
  await esbuild.build({
    ...common,
    outdir,
    entryPoints: ["web/runtime/live.ts"],
    format: "esm",
  });
  await esbuild.build({
    ...common,
    outdir,
    entryPoints: ["web/runtime/worker.ts"],
    format: "iife",
  });
  const frame = await esbuild.build({
    ...common,
    entryPoints: ["web/runtime/frame.ts"],
    format: "iife",
    write: false,
  });
  await mkdir(outdir, { recursive: true });
  await writeFile(join(outdir, "frame.html"), page(frame.outputFiles[0].text.trim()));
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
