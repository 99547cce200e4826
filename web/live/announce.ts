// 読み上げる知らせ。ページに1つだけの、目には見えない場所に書く。
import { make } from "./elements";

/** 支援技術が変化に気づけるように、知らせる前から置いておく。 */
export function prepareAnnouncements(): void {
  const region = make("div", "live-announce");
  region.setAttribute("role", "status");
  document.body.append(region);
}

export function announce(words: string): void {
  const region = document.querySelector(".live-announce");
  if (!region) return;
  // 同じ言葉が続いても読み上げられるように、見えない空白で変える
  region.textContent = region.textContent === words ? `${words}\u00a0` : words;
}
