// 文字の書き方の違いをならす。全角と半角、大文字と小文字は、いつも区別しない。

/** ならした文字列。`at[i]` は、その字がもとの文字列の何文字目から来たか。 */
export interface Folded {
  text: string;
  at: number[];
}

const IGNORED = /[ー‐‑–—−_・\s-]/;
const cache = new Map<string, string>();

function foldCharacter(char: string): string {
  let folded = cache.get(char);
  if (folded === undefined) {
    folded = char.normalize("NFKC").toLowerCase();
    cache.set(char, folded);
  }
  return folded;
}

/** 片仮名を平仮名にし、長音と、語をつなぐ記号を除く。 */
function loosen(folded: string): string {
  return IGNORED.test(folded)
    ? ""
    : folded.replace(/[ァ-ヶ]/g, (kana) => String.fromCharCode(kana.charCodeAt(0) - 0x60));
}

/** 文字列をならす。`loose` なら、かなの種類と長音の有無も区別しない。 */
export function fold(text: string, loose = false): Folded {
  const at: number[] = [];
  let folded = "";
  let position = 0;
  for (const char of text) {
    const plain = loose ? loosen(foldCharacter(char)) : foldCharacter(char);
    for (let i = 0; i < plain.length; i++) at.push(position);
    folded += plain;
    position += char.length;
  }
  at.push(position);
  return { text: folded, at };
}

/** 何回現れるか(重なりは数えない)。 */
export function count(text: string, word: string): number {
  return text.split(word).length - 1;
}

/** 1字の書きかえ、挿入、削除が、何回で `a` が `b` になるか。 */
export function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = row[j - 1]! + Number(a[i - 1] !== b[j - 1]);
      next.push(Math.min(replaced, row[j]! + 1, next[j - 1]! + 1));
    }
    row = next;
  }
  return row[b.length]!;
}
