// ページの画面(ボタン、エディター、演習)と、プログラムを動かす側(このフォルダー)の約束。
//
// 画面は、読者が初めて「実行」を押したときに `live/live.js` を import() し、`createRuntime()` を呼ぶ。
// それより前には、このフォルダーのものは何も読まれない。

/** 進み具合。loaded と total は、受け取るファイルの大きさ(バイト)。 */
export interface Progress {
  phase: "download" | "start" | "ready";
  loaded: number;
  total: number;
}

/** 実行中に1つずつ届く出力。文字は必ず textContent で置く。図だけは `figure()` を通して置く。 */
export type Output =
  | { kind: "stream"; name: "stdout" | "stderr"; text: string }
  | { kind: "text"; text: string } // 最後の式の値の表示
  | { kind: "figure"; markup: string; alt: string } // 計算グラフ。`figure(markup)` が安全な要素にする
  | ErrorOutput
  | { kind: "notice"; text: string }; // 上限に達した、などの知らせ(日本語)

/** 例外。name と message が、目に最初に入るべき最後の行。 */
export interface ErrorOutput {
  kind: "error";
  name: string; // "RuntimeError"
  message: string;
  trace: string[]; // 本の出力と同じ短いトレースバック(最後の行は `name: message`)
  line: number | null; // 読者のこのセルの行(1から)
}

/** `check(...)` が出した判定。印字される言葉とは別に、記録のために届く。 */
export interface Verdict {
  id: string; // "1-1"
  status: "right" | "wrong" | "unanswered";
  message: string;
}

/** なぜ終わったか。done と error のほかは、それまでの変数が失われている。 */
export type Ended = "done" | "error" | "stopped" | "timeout" | "crashed";

export interface Result {
  ended: Ended;
  ok: boolean; // ended === "done"
  kept: boolean; // 変数が残っているか。偽なら、次の実行の前に、先のセルから動かし直す
  seconds: number;
  verdicts: Verdict[];
  error: ErrorOutput | null;
}

export interface RunOptions {
  cell: string; // "use/tensor#3"。トレースバックに行を出すための名前。ほかのセルと重ならなければよい
  onOutput: (output: Output) => void;
  timeLimit?: number; // 秒。省けば TIME_LIMIT
}

/** 1つのページに1つ。 */
export interface Runtime {
  /** 動かす用意をする。2度目からはすぐに終わる。失敗したら、日本語の理由を持つ RuntimeFailure を投げる。 */
  start(onProgress?: (progress: Progress) => void): Promise<void>;
  /** コードを動かす。用意ができていなければ start する。動いている間に呼ぶと、前のものの後に動く。 */
  run(code: string, options: RunOptions): Promise<Result>;
  /** 動いているもの(待っているものも)を止める。それらの run は ended: "stopped" で終わる。変数は失われる。 */
  stop(): Promise<void>;
  /** 止めて、何も定義されていない状態に戻す。 */
  reset(): Promise<void>;
  readonly state: "new" | "loading" | "ready" | "running";
}

/** 何かが届かなかったときに、読者にすすめること。新しいサイトには、古いページの求めるものがない。 */
export const TRY_AGAIN =
  "ネットワークにつながっているか確かめて、もう一度押してください。だめなら、ページを読み込み直してください。";

/** ページの中で動かせないときの理由(日本語)。 */
export class RuntimeFailure extends Error {
  override name = "RuntimeFailure";
}

export const TIME_LIMIT = 20; // 秒
export const OUTPUT_LIMIT = 200_000; // 1回の実行で見せる文字の数

/**
 * 章のセル。`_static/live/cells/<章>.json`(例: `cells/use/tensor.json`)に、ビルドが書く。
 * ページの上から順に並び、読者に見えないセル(準備やテスト)も含む。
 *
 * HTMLでは、見えるセルの `div.cell` に `data-cell="use/tensor#3"` が付き、ページの中では動かせないセルには
 * `data-not-runnable="理由"` も付く。セルを動かすときは、それより上のセルのうち、まだ動かしていないものを
 * 上から順に動かしてから動かす。途中の例外は(本のとおりなので)無視して続ける。
 * 動かせないセルの `code` は、そのセルのうち動かせる文だけである(後のセルが使う読み込みや代入)。空のこともある。
 */
export interface Chapter {
  chapter: string; // "use/tensor"
  cells: ChapterCell[];
}

export interface ChapterCell {
  id: string; // "use/tensor#3"
  code: string;
  visible: boolean;
  reason: string | null; // 動かせない理由。動かせるなら null
}

/** `live/live.js` が出すもの。 */
export interface LiveModule {
  createRuntime(): Runtime;
  loadChapter(chapter: string): Promise<Chapter>;
  /** 図の文字を、許したものだけからなる要素にする。図でなければ空になる。 */
  figure(markup: string): DocumentFragment;
}
