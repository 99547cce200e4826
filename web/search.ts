// 検索のページ。search-data.js が置いた文章から部分文字列を探し、読者が打つそばから並べる。
// 言葉をそのまま含むところと、読みや言い方の近いところは、混ぜずに分けて示す。
import { excerpt, ranges, type Excerpt } from "./search/excerpt";
import { Library, type Found, type Packed, type Place, type Term } from "./search/library";

const STEP = 20; // 一度に並べる数
const LIMIT = 100; // 探す言葉の長さの限り
const PAUSE = 120; // 打つ手が止まったとみなす時間(ミリ秒)

const library = new Library((globalThis as unknown as { bibunSearch: Packed }).bibunSearch);
const form = document.querySelector<HTMLFormElement>("#search-form")!;
const input = document.querySelector<HTMLInputElement>("#search-query")!;
const status = document.querySelector<HTMLElement>("#search-status")!;
const results = document.querySelector<HTMLElement>("#search-results")!;
const title = document.title;

type Child = Node | string;

function element(tag: string, className: string, ...children: Child[]): HTMLElement {
  const made = document.createElement(tag);
  if (className) made.className = className;
  made.append(...children);
  return made;
}

function link(href: string, className: string, ...children: Child[]): HTMLElement {
  const made = element("a", className, ...children);
  made.setAttribute("href", href);
  return made;
}

function marked({ text, marks }: Excerpt): DocumentFragment {
  const made = document.createDocumentFragment();
  let end = 0;
  for (const [start, stop] of marks) {
    made.append(text.slice(end, start), element("mark", "", text.slice(start, stop)));
    end = stop;
  }
  made.append(text.slice(end));
  return made;
}

/** 行き先。着いたページが印を付けられるように、探した言葉を添える(web/found.ts)。 */
function address(place: Place, words: string[]): string {
  return `${place.uri}?found=${encodeURIComponent(words.join(" "))}#${place.anchor}`;
}

// ---- 並べる ---------------------------------------------------------------------------------

/** 用語集の説明。読みと、くわしい説明への行き先は除く。 */
function meaning(term: Term): string {
  const [first] = term.entry.text.split("\n");
  return first!.replace(/^\([ぁ-ヶー]+\)/, "").replace(/→[^→]*$/, "");
}

function termItem(term: Term): HTMLElement {
  const { place, entry } = term;
  const where = place.title === place.page ? place.page : `${place.page} › ${place.title}`;
  return element(
    "li",
    "search-term",
    link(address(place, [term.name]), "search-hit", term.name),
    element("span", "search-names", term.names.join("、")),
    element("p", "", meaning(term)),
    element("p", "search-where", "くわしい説明: ", where, "/", link(`${entry.uri}#${entry.anchor}`, "", "用語集")),
  );
}

function placeItem(place: Place, words: string[], loose: boolean): HTMLElement {
  const heading = { text: place.title, marks: ranges(place.title, words, loose) };
  const found = excerpt(place.text, words, loose);
  return element(
    "li",
    "",
    link(address(place, words), "search-hit", marked(heading)),
    ...(place.page.endsWith(place.title) ? [] : [element("span", "search-where", place.page)]),
    element("p", "search-excerpt", marked(found)),
  );
}

function group(name: string, note: string, items: (() => HTMLElement)[]): HTMLElement {
  const list = element("ol", "search-list");
  const made = element("section", "", element("h2", "", name), note ? element("p", "", note) : "", list);
  const more = element("button", "search-more");
  const extend = (): void => {
    const added = items.splice(0, STEP).map((make) => make());
    list.append(...added);
    more.textContent = `残りの${items.length}件を見る`;
    if (!items.length) more.remove();
    if (more.dataset["pressed"]) added[0]?.querySelector<HTMLElement>(".search-hit")?.focus();
  };
  more.setAttribute("type", "button");
  more.addEventListener("click", () => {
    more.dataset["pressed"] = "yes";
    extend();
  });
  made.append(more);
  extend();
  return made;
}

function quoted(words: string[]): string {
  return words.map((word) => `「${word}」`).join("と");
}

function show(query: string, { words, terms, exact, literal, near, instead }: Found): void {
  const groups: HTMLElement[] = [];
  if (terms.length) {
    groups.push(group(exact ? "用語" : "この言葉で始まる用語", "", terms.map((term) => () => termItem(term))));
  }
  if (literal.length) {
    const items = literal.map((place) => () => placeItem(place, words, false));
    groups.push(group(`${quoted(words)}を含むところ(${literal.length}件)`, "", items));
  }
  if (near.length) {
    const items = near.map((place) => () => placeItem(place, instead.length ? instead : words, !instead.length));
    const note = instead.length
      ? `「${query}」は、この本では${quoted(instead)}といいます。その言葉を含むところです。`
      : "そのままの言葉はないので、かなの種類や長音など、書き方の違いを問わずに探しました。";
    groups.push(group(`近いもの(${near.length}件)`, note, items));
  }
  if (!literal.length && !near.length && !terms.length) groups.push(nothing(query, words));
  results.replaceChildren(...groups);
}

/** 何もなかったときの、次の手。 */
function nothing(query: string, words: string[]): HTMLElement {
  const hints = element("ul", "search-hints");
  const suggest = (shown: string, note: string): void =>
    hints.append(element("li", "", link(`?q=${encodeURIComponent(shown)}`, "search-hit", `「${shown}」`), note));
  for (const term of library.similar(query)) suggest(term.name, "を探しますか?");
  for (const word of words.length > 1 ? words : []) {
    const number = library.occurrences(word);
    if (number) suggest(word, `だけなら、${number}件あります。`);
  }
  hints.append(
    element("li", "", "言葉を短くするか、別の言い方や英語で探してみてください。用語は、章の一覧の「付録」にある索引からも引けます。"),
    element("li", "", "図の中の文字、図を描くコード、演習のヒントと解答例、数だけの出力、参照ページの細かな説明は、探していません。"),
  );
  return hints;
}

function report(query: string, cut: boolean, { words, literal, near, terms }: Found): string {
  if (!words.length) return "";
  const all = words.length > 1 ? "をすべて" : "を";
  const said = literal.length
    ? `${quoted(words)}${all}含むところが、${literal.length}件あります。`
    : `${quoted(words)}${all}含むところは、ありませんでした。`;
  const also = near.length ? `近いものが、${near.length}件あります。` : "";
  const named = !literal.length && !near.length && terms.length ? `「${query}」で始まる用語があります。` : "";
  return (cut ? `言葉が長いので、はじめの${LIMIT}文字だけで探しました。` : "") + said + also + named;
}

// ---- 打つ、移る -----------------------------------------------------------------------------

function search(): void {
  const whole = input.value.normalize("NFKC").trim();
  const query = [...whole].slice(0, LIMIT).join("");
  const found = library.search(query);
  show(query, found);
  status.textContent = report(query, query !== whole, found);
  document.title = query ? `「${query}」の検索 - ${title}` : title;
}

/** アドレスの `q` を、打たれた言葉に合わせる。 */
function remember(): void {
  const url = new URL(location.href);
  if (input.value) url.searchParams.set("q", input.value);
  else url.searchParams.delete("q");
  history.replaceState(null, "", url);
}

function recall(): void {
  input.value = new URL(location.href).searchParams.get("q") ?? "";
  search();
}

let waiting = 0;
function typed(event: Event): void {
  if (event instanceof InputEvent && event.isComposing) return; // 変換が終わってから探す
  clearTimeout(waiting);
  waiting = window.setTimeout(() => {
    remember();
    search();
  }, PAUSE);
}

/** 上下の矢印で入力欄と結果を行き来し、Escで入力欄に戻る。 */
function move(event: KeyboardEvent): void {
  if (event.isComposing || event.ctrlKey || event.metaKey || event.altKey) return;
  const stops = [input, ...results.querySelectorAll<HTMLElement>(".search-hit, .search-more")];
  const here = stops.indexOf(document.activeElement as HTMLElement);
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (here < 0 || (event.key === "Escape" && here === 0)) return;
  const to = event.key === "Escape" ? input : step && stops[here + step];
  if (!to) return;
  event.preventDefault();
  to.focus();
}

input.addEventListener("input", typed);
input.addEventListener("compositionend", typed);
form.addEventListener("submit", (event) => {
  event.preventDefault();
  clearTimeout(waiting);
  remember();
  search();
});
document.addEventListener("keydown", move);
window.addEventListener("popstate", recall);
recall();
if (!matchMedia("(pointer: coarse)").matches) input.focus();
