// 表紙の、演習の一覧: 解けた印、数、記録を消すボタン。
import { make, makeButton } from "./elements";
import * as record from "./record";

const PREFIX = "exercise-"; // bibun_site.practice が付けるid

export function showProgress(): void {
  const list = document.querySelector<HTMLElement>(".exercise-list");
  if (!list) return;
  const foot = make("div", "exercise-progress");
  foot.setAttribute("role", "status");
  list.before(foot);
  const show = (note = ""): void => draw(list, foot, note);
  record.onChange(show);
  addEventListener("pageshow", () => show());
  show();
}

function draw(list: HTMLElement, foot: HTMLElement, note: string): void {
  const { progress, trouble } = record.read();
  const items = [...list.querySelectorAll<HTMLElement>(`[id^="${PREFIX}"]`)];
  let count = 0;
  for (const item of items) {
    const solved = progress.solved.has(item.id.slice(PREFIX.length));
    item.toggleAttribute("data-solved", solved);
    item.querySelector(".solved")?.remove();
    if (!solved) continue;
    count += 1;
    item.firstElementChild!.append(make("span", "solved", "解けました"));
  }
  const bar = make("progress", "live-progress");
  bar.max = items.length;
  bar.value = count;
  bar.setAttribute("aria-label", "解けた演習の数");
  const words = make("p", "", `${items.length}題のうち、${count}題が解けました。${note}${trouble ?? ""}`);
  foot.replaceChildren(words, bar);
  if (count || progress.written.size) foot.append(offerClearing(list, foot, progress));
}

/** 確かめてから消す。 */
function offerClearing(list: HTMLElement, foot: HTMLElement, progress: record.Progress): HTMLElement {
  const place = make("p", "exercise-clear");
  const ask = makeButton("undo", "記録を消す", () => {
    const yes = makeButton("undo", "消す", () => {
      draw(list, foot, record.clear() ?? "記録を消しました。");
      list.querySelector("a")?.focus();
    });
    const no = makeButton("again", "やめる", () => {
      place.replaceChildren(ask);
      ask.focus();
    });
    const { solved, written } = progress;
    place.replaceChildren(
      `この端末にある、解けた印${solved.size}個と、書いた答え${written.size}個を消します。元に戻せません。`,
      make("span", "exercise-choice", yes, no),
    );
    no.focus();
  });
  place.append(ask);
  return place;
}
