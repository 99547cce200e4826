// 横に動く箱(コード、表、式、図)は、動くときだけ、キーボードで動かせるようにする。
const BOXES = "article :is(pre, .table-wrapper, .formula, .output)";

export function makeScrollable(): void {
  const watch = new ResizeObserver((changes) => {
    for (const { target } of changes) {
      if (!(target instanceof HTMLElement)) continue;
      if (target.scrollWidth > target.clientWidth + 1) target.tabIndex = 0;
      else target.removeAttribute("tabindex");
    }
  });
  for (const box of document.querySelectorAll(BOXES)) watch.observe(box);
}
