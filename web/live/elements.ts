// 要素を作る。文字は、いつも textContent として置く。
export function make<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  className: string,
  ...inside: (Node | string)[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  if (className) element.className = className;
  element.append(...inside);
  return element;
}

/** 絵と言葉からなるボタン。絵は書式が描く。 */
export function makeButton(kind: string, words: string, press: () => void): HTMLButtonElement {
  const face = make("span", "live-face", words);
  const button = make("button", `live-button live-${kind}`, face);
  button.type = "button";
  button.addEventListener("click", press);
  return button;
}

export function rename(button: HTMLButtonElement, kind: string, words: string): void {
  button.className = `live-button live-${kind}`;
  button.firstElementChild!.textContent = words;
}
