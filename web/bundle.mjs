// ページのプログラムと書式を、置き場(1つめの引数)にまとめる。bibun_site.front がビルドのときに呼ぶ。
// 2つめの引数は、Pythonのパッケージの置き場(テーマの書式を、そこから読む)。
import * as esbuild from "esbuild";

const [outdir, sitePackages] = process.argv.slice(2);
const common = {
  bundle: true,
  minify: true,
  charset: "utf8",
  target: ["chrome109", "firefox115", "safari16.4"],
  nodePaths: [sitePackages],
  outdir,
  logLevel: "warning",
};

// どのページにも載るもの。ファイルとして開いたページでも動くように、ふつうのスクリプトにする
await esbuild.build({
  ...common,
  entryPoints: ["web/book.ts", "web/style/book.css"],
  entryNames: "[name]",
  format: "iife",
  external: ["*.woff2"],
});
