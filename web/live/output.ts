// 動かした結果を、本の出力と同じ形の要素にする。本の出力は隠すだけで、元に戻せる。
import type { ErrorOutput, Output, Verdict } from "../runtime/contract";
import type { Cell } from "./cell";
import { make } from "./elements";

export type Draw = (markup: string) => DocumentFragment;

export class CellOutput {
  private readonly built: HTMLElement | null;
  private readonly caption: HTMLElement | null;
  private shown: HTMLElement | null = null;
  private next: HTMLElement | null = null;
  private stream: { name: string; pre: HTMLPreElement } | null = null;
  private texts: { text: string; box: HTMLElement }[] = [];
  notices: string[] = [];

  constructor(
    private readonly cell: Cell,
    private readonly draw: Draw,
  ) {
    this.built = cell.element.querySelector<HTMLElement>(".cell_output");
    this.caption = this.built?.querySelector<HTMLElement>("figcaption") ?? null;
  }

  /** 新しい実行を始める。前の出力は、最初の出力が届くか、終わるまで見せておく。 */
  begin(): void {
    this.next = make("div", "cell_output docutils container live-output");
    this.stream = null;
    this.texts = [];
    this.notices = [];
  }

  add(output: Output): void {
    const box = this.swap();
    if (output.kind === "stream") return this.addStream(box, output.name, output.text);
    this.stream = null;
    if (output.kind === "text") {
      const { outer } = block("text_plain", `${output.text}\n`);
      this.texts.push({ text: output.text, box: outer });
      box.append(outer);
    } else if (output.kind === "figure") {
      box.append(this.figure(output.markup));
    } else if (output.kind === "error") {
      box.append(errorBlock(output));
    } else {
      this.notices.push(output.text);
      box.append(make("p", "output live-notice", output.text));
    }
  }

  /** 終わった。長い出力は、自分の箱の中で動かせるようにする。 */
  end(): void {
    const box = this.swap();
    for (const pre of box.querySelectorAll("pre")) {
      if (pre.scrollHeight <= pre.clientHeight + 1) continue;
      pre.tabIndex = 0;
      pre.setAttribute("role", "region");
      pre.setAttribute("aria-label", "長い出力");
    }
  }

  /** 判定の言葉を、判定らしく見せる。印字されていなければ、足す。 */
  judge({ status, message }: Verdict): void {
    const printed = this.texts.find(({ text }) => text.endsWith(message));
    const box = printed?.box ?? block("text_plain", `${message}\n`).outer;
    if (!printed) this.swap().append(box);
    box.classList.add("live-verdict");
    showCode(box.querySelector("pre")!);
    box.dataset.status = status;
  }

  /** 本の出力に戻す。 */
  restore(): void {
    this.shown?.remove();
    this.shown = this.next = null;
    if (this.built) this.built.hidden = false;
  }

  private swap(): HTMLElement {
    if (this.next) {
      if (this.shown) this.shown.replaceWith(this.next);
      else if (this.built) this.built.after(this.next);
      else this.cell.element.append(this.next);
      if (this.built) this.built.hidden = true;
      this.shown = this.next;
      this.next = null;
      const fold = this.shown.closest("details");
      if (fold) fold.open = true;
    }
    return this.shown!;
  }

  private addStream(box: HTMLElement, name: "stdout" | "stderr", text: string): void {
    if (this.stream?.name !== name) {
      const { outer, pre } = block(name === "stdout" ? "stream" : "stderr", "");
      this.stream = { name, pre };
      box.append(outer);
    }
    this.stream.pre.append(text);
  }

  private figure(markup: string): HTMLElement {
    const drawn = make("div", "output text_html", this.draw(markup));
    if (!this.caption) return drawn;
    const caption = this.caption.cloneNode(true) as HTMLElement;
    caption.querySelector(".headerlink")?.remove();
    return make("figure", "align-default", drawn, caption);
  }
}

/** 判定の言葉の中の、`…` で囲んだところを、コードの字で見せる。 */
function showCode(pre: HTMLPreElement): void {
  const words = pre.textContent.split("`");
  if (words.length % 2 === 0) return;
  pre.replaceChildren(...words.map((word, i) => (i % 2 ? make("code", "", word) : word)));
}

function block(kind: string, text: string): { outer: HTMLElement; pre: HTMLPreElement } {
  const pre = make("pre", "", text);
  const highlight = make("div", "highlight", pre);
  const language = kind === "traceback" ? "highlight-text" : "highlight-myst-ansi";
  return { outer: make("div", `output ${kind} ${language} notranslate`, highlight), pre };
}

/** 例外は、章で読んだとおり、最後の行から見せる。 */
function errorBlock({ name, message, trace, line }: ErrorOutput): HTMLElement {
  const { outer, pre } = block("traceback", `${trace.join("\n")}\n`);
  const last = make("p", "live-error-last", make("strong", "", name), message ? `: ${message}` : "");
  const where = line === null ? [] : [make("p", "live-error-where", `セルの${line}行目で起きました。`)];
  const fold = make("details", "", make("summary", "", "トレースバックを見る"), pre.parentElement!);
  outer.classList.add("live-error");
  outer.append(last, ...where, fold);
  return outer;
}
