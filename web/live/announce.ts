// 読み上げる知らせ。ページに1つだけの、目には見えない場所に書く。
import { make } from "./elements";

let region: HTMLElement | null = null;

/** 支援技術が変化に気づけるように、知らせる前から置いておく。 */
export function prepareAnnouncements(): void {
  region = make("div", "live-announce");
  region.setAttribute("role", "status");
  document.body.append(region);
}

export function announce(words: string): void {
  if (region) region.textContent = words;
}
