// 数式をKaTeXでHTMLとMathMLにする。bibun_site.mathematics が、ビルドに一度だけ呼ぶ。
// 標準入力は[TeX, 別行立てか]の並び、標準出力は同じ順の{html}か{error}の並び(どちらもJSON)。
import { readFileSync } from "node:fs";
import katex from "katex";

function render([tex, displayMode]) {
  try {
    return { html: katex.renderToString(tex, { displayMode, strict: "error" }) };
  } catch (error) {
    return { error: error.message.replace(/^KaTeX parse error: /, "") };
  }
}

process.stdout.write(JSON.stringify(JSON.parse(readFileSync(0, "utf8")).map(render)));
