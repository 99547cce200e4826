// 用語の説明の吹き出し。説明は、リンクの title 属性にある(JavaScriptがなければ、ふつうのリンクと title)。
// 重ねる、フォーカスする、触れる、のどれでも出て、Escで消える。触れたときは、2度目で用語集へ移る。

const GAP = 6;
const EDGE = 8;
const LINGER = 200; // 吹き出しに乗り移るための猶予(ミリ秒)

export function explainTerms(): void {
  const notes = new Map<HTMLElement, string>();
  for (const link of document.querySelectorAll<HTMLElement>("a.term[title]")) {
    notes.set(link, link.title);
    link.removeAttribute("title"); // ブラウザーの吹き出しと二重にしない
  }
  if (!notes.size) return;

  const note = document.createElement("div");
  note.id = "term-note";
  note.setAttribute("role", "tooltip");
  note.hidden = true;
  document.body.append(note);

  let shown: HTMLElement | null = null;
  let leaving = 0;
  let tapped: HTMLElement | null = null;
  const termAt = (event: Event): HTMLElement | null => {
    const link = (event.target as Element).closest<HTMLElement>("a.term");
    return link && notes.has(link) ? link : null;
  };

  const show = (link: HTMLElement): void => {
    clearTimeout(leaving);
    if (shown === link) return;
    hide();
    shown = link;
    note.textContent = notes.get(link)!;
    note.hidden = false;
    link.setAttribute("aria-describedby", note.id);
    place(note, link);
  };
  const hide = (): void => {
    clearTimeout(leaving);
    shown?.removeAttribute("aria-describedby");
    shown = null;
    note.hidden = true;
  };
  const leave = (): void => {
    clearTimeout(leaving);
    leaving = window.setTimeout(() => {
      if (document.activeElement !== shown) hide();
    }, LINGER);
  };

  document.addEventListener("mouseover", (event) => {
    const link = termAt(event);
    if (link) show(link);
    else if (note.contains(event.target as Node)) clearTimeout(leaving);
    else if (shown) leave();
  });
  document.addEventListener("focusin", (event) => {
    const link = termAt(event);
    if (link) show(link);
    else hide();
  });
  document.addEventListener("focusout", hide);
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") hide();
  });
  document.addEventListener("pointerdown", (event) => {
    const link = termAt(event);
    tapped = event.pointerType === "touch" && link !== shown ? link : null;
    if (!link && !note.contains(event.target as Node)) hide();
  });
  document.addEventListener("click", (event) => {
    const link = termAt(event);
    if (!link || link !== tapped) return;
    event.preventDefault();
    show(link);
  });
}

/** 言葉の下に(場所がなければ上に)、画面からはみ出さないように置く。 */
function place(note: HTMLElement, link: HTMLElement): void {
  note.style.left = note.style.top = "0";
  const word = link.getClientRects()[0] ?? link.getBoundingClientRect();
  const { width, height } = note.getBoundingClientRect();
  const window = document.documentElement;
  const left = Math.max(EDGE, Math.min(word.left, window.clientWidth - width - EDGE));
  const below = word.bottom + GAP;
  const fits = below + height <= window.clientHeight || word.top < height + GAP;
  const top = fits ? below : word.top - height - GAP;
  note.style.left = `${left + scrollX}px`;
  note.style.top = `${top + scrollY}px`;
}
