// ページのプログラムと書式を、置き場(1つめの引数)にまとめる。bibun_site.front がビルドのときに呼ぶ。
// 2つめの引数は、Pythonのパッケージの置き場(テーマの書式を、そこから読む)。
import { rm } from "node:fs/promises";
import { basename } from "node:path";
import * as esbuild from "esbuild";
import { bundleRuntime } from "./runtime/bundle.mjs";

const [outdir, sitePackages] = process.argv.slice(2);
const common = {
  bundle: true,
  minify: true,
  charset: "utf8",
  target: ["chrome109", "firefox115", "safari16.4"],
  nodePaths: [sitePackages],
  outdir,
  preserveSymlinks: true, // node_modulesがリンクでも、名前に付く印が同じになるように
  logLevel: "warning",
};

// 初めて「実行」が押されたときに読むもの。名前に中身の印を付け、古いものと混ざらないようにする
await rm(`${outdir}/live`, { recursive: true, force: true });
const liveModule = await bundleRuntime(common);
const live = await esbuild.build({
  ...common,
  entryPoints: { page: "web/live/page.ts" },
  outdir: `${outdir}/live`,
  entryNames: "[name]-[hash]",
  chunkNames: "[name]-[hash]",
  format: "esm",
  splitting: true,
  metafile: true,
  define: { LIVE_MODULE: JSON.stringify(liveModule) },
});
const [page] = Object.entries(live.metafile.outputs).find(
  ([, { entryPoint }]) => entryPoint === "web/live/page.ts",
);

// どのページにも載るもの。ファイルとして開いたページでも動くように、ふつうのスクリプトにする
await esbuild.build({
  ...common,
  entryPoints: ["web/book.ts", "web/search.ts", "web/style/book.css"],
  entryNames: "[name]",
  format: "iife",
  external: ["*.woff2"],
  define: { LIVE_PAGE: JSON.stringify(`live/${basename(page)}`) },
});
