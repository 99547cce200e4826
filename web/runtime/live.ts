// 読者が初めて「実行」を押したときに読まれる束の入り口。約束は contract.ts にある。
import { RuntimeFailure, TRY_AGAIN, type Chapter, type LiveModule, type Runtime } from "./contract.js";
import { PLACE } from "./download.js";
import { figure } from "./figure.js";
import { PageRuntime } from "./runtime.js";

export { figure };

export function createRuntime(): Runtime {
  return new PageRuntime();
}

export async function loadChapter(chapter: string): Promise<Chapter> {
  const response = await fetch(new URL(`cells/${chapter}.json`, PLACE), { cache: "no-cache" });
  if (!response.ok) throw new RuntimeFailure(`この章のセルの一覧を受け取れませんでした。${TRY_AGAIN}`);
  return response.json();
}

({ createRuntime, loadChapter, figure }) satisfies LiveModule;
