// ページ、枠(frame.ts)、ワーカー(worker.ts)の間を行き来するもの。
//
// プログラムの言うことは、どれも信じない。ページは、届いたものの形をここで確かめ、合わないものを捨てる。
import type { ErrorOutput, Output, Verdict } from "./contract.js";

/** Pyodideとbibunのファイルの中身。 */
export interface Files {
  "pyodide.mjs": ArrayBuffer;
  "pyodide.asm.mjs": ArrayBuffer;
  "pyodide.asm.wasm": ArrayBuffer;
  "python_stdlib.zip": ArrayBuffer;
  "bibun.zip": ArrayBuffer;
  "worker.js": ArrayBuffer;
  "snapshot.bin"?: ArrayBuffer; // bibunを読み込んだところの記憶。なければ、初めから起こす
}

/** ページから枠へ。枠は call に answer で答え、ワーカーを起こせなければ broken と言う。 */
export type ToFrame =
  | { kind: "spawn"; lane: number }
  | { kind: "end"; lane: number }
  | { kind: "call" };

/** 枠からページへ。 */
export type FromFrame = { kind: "answer" } | { kind: "broken"; lane: number };

/** 枠からワーカーへ、初めに1度だけ。 */
export interface Boot {
  files: Omit<Files, "pyodide.asm.wasm" | "worker.js">;
  wasm: WebAssembly.Module;
}

/** ページからワーカーへ。 */
export interface Job {
  run: number;
  code: string;
  cell: string;
}

/** ワーカーからページへ。output と result は、Pythonの書いたJSONのまま。 */
export type FromWorker =
  | { kind: "ready" }
  | { kind: "output"; run: number; output: string }
  | { kind: "result"; run: number; result: string }
  | { kind: "broken"; reason: string };

/** Pythonの Session.run が返すもの。 */
export interface Outcome {
  ended: "done" | "error";
  verdicts: Verdict[];
  error: ErrorOutput | null;
}

const LONGEST = 2_000_000; // 1つの知らせの文字の数。図も収まる

type Fields = Record<string, unknown>;

/** ワーカーから届いたものの形を確かめる。合わなければ null。 */
export function fromWorker(data: unknown): FromWorker | null {
  if (!isFields(data)) return null;
  const { kind, run, output, result, reason } = data;
  if (kind === "ready") return { kind };
  if (kind === "broken") return isText(reason) ? { kind, reason: reason.slice(0, 1000) } : null;
  if (typeof run !== "number") return null;
  if (kind === "output" && isText(output)) return { kind, run, output };
  // 読めない結果も、終わったことは知らせる
  if (kind === "result") return { kind, run, result: isText(result) ? result : "" };
  return null;
}

/** 1つの出力の形を確かめる。約束にないものは残さない。 */
export function toOutput(json: string): Output | null {
  const data = parse(json);
  if (!data) return null;
  const { kind, name, text, markup, alt } = data;
  if (kind === "stream" && (name === "stdout" || name === "stderr") && isText(text)) {
    return { kind, name, text };
  }
  if ((kind === "text" || kind === "notice") && isText(text)) return { kind, text };
  if (kind === "figure" && isText(markup) && isText(alt)) return { kind, markup, alt };
  return toError(data);
}

/** 結果の形を確かめる。 */
export function toOutcome(json: string): Outcome | null {
  const data = parse(json);
  if (!data || (data.ended !== "done" && data.ended !== "error")) return null;
  if (!Array.isArray(data.verdicts)) return null;
  const error = isFields(data.error) ? toError(data.error) : null;
  const verdicts = data.verdicts.map(toVerdict).filter((verdict) => verdict !== null);
  return { ended: data.ended, verdicts, error };
}

function toError(data: Fields): ErrorOutput | null {
  const { kind, name, message, trace, line } = data;
  if (kind !== "error" || !isText(name) || !isText(message)) return null;
  if (!Array.isArray(trace) || !trace.every(isText)) return null;
  return { kind, name, message, trace, line: typeof line === "number" ? line : null };
}

function toVerdict(data: unknown): Verdict | null {
  if (!isFields(data)) return null;
  const { id, status, message } = data;
  if (!isText(id) || !isText(message)) return null;
  if (status !== "right" && status !== "wrong" && status !== "unanswered") return null;
  return { id, status, message };
}

function parse(json: string): Fields | null {
  try {
    const data: unknown = JSON.parse(json);
    return isFields(data) ? data : null;
  } catch {
    return null;
  }
}

function isFields(data: unknown): data is Fields {
  return typeof data === "object" && data !== null && !Array.isArray(data);
}

function isText(data: unknown): data is string {
  return typeof data === "string" && data.length <= LONGEST;
}
