// ページのプログラムと書式を、置き場(引数)にまとめる。bibun_site.front がビルドのときに呼ぶ。
import * as esbuild from "esbuild";

const [outdir] = process.argv.slice(2);
const common = {
  bundle: true,
  minify: true,
  charset: "utf8",
  target: ["chrome109", "firefox115", "safari16.4"],
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
