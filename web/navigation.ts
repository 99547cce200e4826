// 章の一覧と目次: 引き出しの開け閉めと、読んでいる節の印。

/** 狭い画面の引き出しを、ボタンで開け、Escapeと目次のリンクで閉じる。開けたら、キーボードも中に入る。 */
export function manageDrawers(): void {
  for (const [toggle, drawer] of [
    ["__navigation", ".sidebar-drawer"],
    ["__toc", ".toc-drawer"],
  ] as const) {
    const checkbox = document.getElementById(toggle);
    const panel = document.querySelector(drawer);
    if (!(checkbox instanceof HTMLInputElement) || !panel) continue;
    const buttons = document.querySelectorAll<HTMLElement>(`[data-drawer="${toggle}"]`);
    let opener: HTMLElement | undefined;
    const show = (open: boolean): void => {
      checkbox.checked = open;
      for (const button of buttons) button.ariaExpanded = String(open);
      const inside = [...panel.querySelectorAll<HTMLElement>("a, input")];
      if (open) inside.find((part) => part.getClientRects().length)?.focus();
    };
    for (const button of buttons) {
      button.addEventListener("click", () => {
        opener = button;
        show(!checkbox.checked);
      });
    }
    checkbox.addEventListener("change", () => show(checkbox.checked)); // 引き出しの外を押したとき
    document.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || !checkbox.checked) return;
      show(false);
      opener?.focus();
    });
    panel.addEventListener("click", (event) => {
      if (event.target instanceof Element && event.target.closest("a[href*='#']")) show(false);
    });
  }
}

/** 目次の、いま読んでいる節に印を付ける。 */
export function followReading(): void {
  const entries = [...document.querySelectorAll<HTMLAnchorElement>(".toc-tree a")].flatMap((link) => {
    const target = document.getElementById(decodeURIComponent(link.hash.slice(1)));
    return target?.closest("article > section > section") ? [{ link, target }] : [];
  });
  if (!entries.length) return;
  let marked: HTMLAnchorElement | undefined;
  const mark = (): void => {
    waiting = false;
    const line = innerHeight / 4;
    const now = entries.filter(({ target }) => target.getBoundingClientRect().top < line).at(-1)?.link;
    if (now === marked) return;
    marked?.removeAttribute("aria-current");
    marked?.parentElement?.classList.remove("scroll-current");
    now?.setAttribute("aria-current", "location");
    now?.parentElement?.classList.add("scroll-current");
    marked = now;
  };
  let waiting = false;
  const schedule = (): void => {
    if (!waiting) requestAnimationFrame(mark);
    waiting = true;
  };
  addEventListener("scroll", schedule, { passive: true });
  schedule();
}
