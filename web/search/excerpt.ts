// 結果に添える抜き書きと、その中の言葉の印。
import { fold } from "./fold";

const LENGTH = 110; // 抜き書きの長さの目安
const BEFORE = 36; // 言葉の前に見せる長さ

/** 文字列と、印を付ける範囲。 */
export interface Excerpt {
  text: string;
  marks: [start: number, end: number][];
}

/** 言葉の現れる範囲を、重なりをまとめて返す。 */
export function ranges(text: string, words: string[], loose: boolean): Excerpt["marks"] {
  const folded = fold(text, loose);
  const found: Excerpt["marks"] = [];
  for (const word of words.map((word) => fold(word, loose).text)) {
    for (let at = folded.text.indexOf(word); word && at >= 0; at = folded.text.indexOf(word, at + word.length)) {
      const last = folded.at[at + word.length - 1]!;
      const end = folded.at.find((position) => position > last) ?? text.length;
      found.push([folded.at[at]!, end]);
    }
  }
  found.sort(([a], [b]) => a - b);
  return found.reduce<Excerpt["marks"]>((merged, [start, end]) => {
    const previous = merged.at(-1);
    if (previous && start <= previous[1]) previous[1] = Math.max(previous[1], end);
    else merged.push([start, end]);
    return merged;
  }, []);
}

/** 言葉をいちばん多く含む行から、その文のあたりを抜き書きする。 */
export function excerpt(text: string, words: string[], loose: boolean): Excerpt {
  const lines = text.split("\n");
  const folded = words.map((word) => fold(word, loose).text);
  const kinds = lines.map((line) => {
    const plain = fold(line, loose).text;
    return folded.filter((word) => plain.includes(word)).length;
  });
  const line = lines[kinds.indexOf(Math.max(...kinds))]!.trim();
  const first = ranges(line, words, loose)[0]?.[0] ?? 0;
  const sentence = line.lastIndexOf("。", first - 1) + 1;
  const start = first - sentence <= BEFORE ? sentence : first - BEFORE;
  const stop = line.indexOf("。", start + LENGTH / 2) + 1;
  const end = stop && stop - start <= LENGTH * 1.4 ? stop : Math.min(line.length, start + LENGTH);
  const shown = (start > sentence ? "…" : "") + line.slice(start, end) + (end < line.length && stop !== end ? "…" : "");
  return { text: shown, marks: ranges(shown, words, loose) };
}
