// 画面の明るさ。システムに合わせる、明るい、暗い、の3つを順に選べ、選んだものを覚える。
// ページを開いたときの明るさは、描かれる前に bibun_site.site の短いスクリプトが決める。
const NAMES = { auto: "システムに合わせる", light: "明るい", dark: "暗い" } as const;
type Choice = keyof typeof NAMES;

const KEY = "theme";

export function offerThemes(): void {
  const buttons = document.querySelectorAll<HTMLButtonElement>(".theme-toggle");
  for (const button of buttons) button.addEventListener("click", () => choose(next(), buttons));
  name(current(), buttons);
}

function current(): Choice {
  const chosen = document.body.dataset.theme;
  return chosen === "light" || chosen === "dark" ? chosen : "auto";
}

/** 押すたびに見た目が変わるように、システムと違う明るさを先にする。 */
function next(): Choice {
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  const order: Choice[] = dark ? ["auto", "light", "dark"] : ["auto", "dark", "light"];
  return order[(order.indexOf(current()) + 1) % order.length] ?? "auto";
}

function choose(choice: Choice, buttons: Iterable<HTMLButtonElement>): void {
  document.body.dataset.theme = choice;
  try {
    localStorage.setItem(KEY, choice);
  } catch {
    // 覚える場所を使えないブラウザーでは、このページだけで変わる
  }
  name(choice, buttons);
}

function name(choice: Choice, buttons: Iterable<HTMLButtonElement>): void {
  for (const button of buttons) {
    button.title = `画面の明るさ:${NAMES[choice]}`;
    button.setAttribute("aria-label", button.title);
  }
}
