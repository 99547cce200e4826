// 読者の端末(localStorage)に残す、演習の記録。書いた答えと、解けた演習の番号だけを持つ。
const KEY = "bibun.exercises.v1";
const LONGEST = 20_000; // 1つの答えの文字の数

export interface Progress {
  written: Map<string, string>; // 演習の番号 → 書いた答え
  solved: Set<string>;
}

/** 記録が読めない、または書けない理由(日本語)。なければ null。 */
export type Trouble = string | null;

const UNAVAILABLE =
  "このブラウザーの設定では、演習の記録を残せません。答えは、ページを閉じると消えます。";
const CORRUPT =
  "この端末にあった演習の記録が壊れていて、読めませんでした。これから書くものは、新しく記録します。";
const FULL =
  "この端末に空きがなく、演習の記録を残せませんでした。答えは、ページを閉じると消えます。";
const TOO_LONG = `答えが長すぎるので(${LONGEST.toLocaleString("ja")}文字まで)、記録に残していません。`;

/** いまの記録。読めなければ空の記録と、その理由。 */
export function read(): { progress: Progress; trouble: Trouble } {
  let text: string | null;
  try {
    text = localStorage.getItem(KEY);
  } catch {
    return { progress: empty(), trouble: UNAVAILABLE };
  }
  if (text === null) return { progress: empty(), trouble: null };
  const progress = parse(text);
  return progress ? { progress, trouble: null } : { progress: empty(), trouble: CORRUPT };
}

/** 書いた答えを残す。null なら消す。 */
export function keepWritten(exercise: string, text: string | null): Trouble {
  if (text !== null && text.length > LONGEST) return TOO_LONG;
  return change(({ written }) => {
    if (text === null) written.delete(exercise);
    else written.set(exercise, text);
  });
}

/** 解けたことを残す。 */
export function keepSolved(exercise: string): Trouble {
  return change(({ solved }) => solved.add(exercise));
}

/** すべて消す。 */
export function clear(): Trouble {
  try {
    localStorage.removeItem(KEY);
    return null;
  } catch {
    return UNAVAILABLE;
  }
}

/** ほかのタブで記録が変わったら呼ぶ。 */
export function onChange(react: () => void): void {
  addEventListener("storage", ({ key }) => {
    if (key === KEY || key === null) react();
  });
}

/** 読み直してから書くので、ほかのタブで書いたものを失わない。 */
function change(edit: (progress: Progress) => void): Trouble {
  const { progress, trouble } = read();
  if (trouble === UNAVAILABLE) return trouble;
  edit(progress);
  const { written, solved } = progress;
  try {
    localStorage.setItem(
      KEY,
      JSON.stringify({ written: Object.fromEntries(written), solved: [...solved] }),
    );
    return null;
  } catch {
    return FULL;
  }
}

function empty(): Progress {
  return { written: new Map(), solved: new Set() };
}

function parse(text: string): Progress | null {
  let data: unknown;
  try {
    data = JSON.parse(text);
  } catch {
    return null;
  }
  if (!isObject(data) || !isObject(data.written) || !Array.isArray(data.solved)) return null;
  const written = Object.entries(data.written);
  if (!written.every((pair): pair is [string, string] => typeof pair[1] === "string")) return null;
  if (!data.solved.every((id) => typeof id === "string")) return null;
  return { written: new Map(written), solved: new Set(data.solved) };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
