// ページのセルと、そのボタン。重いもの(エディター、Python)は、まだ何も読まない。
import { make, makeButton, rename } from "./elements";
import type { Trouble } from "./record";
import * as record from "./record";

export type Action = "run" | "write" | "stop" | "undo" | "abandon"; // abandon は、止めて、元に戻す
export type Act = (cell: Cell, action: Action) => void;

const DOUBLE_CLICK = 500; // 押してすぐの2度目は、停止とみなさない(ミリ秒)

export class Cell {
  readonly id: string;
  readonly original: string;
  readonly exercise: string | null; // 演習なら、その番号
  readonly input: HTMLElement;
  readonly source: HTMLPreElement;
  text: string; // いま書かれているコード
  private readonly built: Node[];
  private readonly foot = make("div", "live-foot");
  private readonly status = make("span", "live-status");
  private readonly help = make("span", "live-help");
  private readonly run: HTMLButtonElement;
  private readonly undo: HTMLButtonElement;
  private readonly write: HTMLButtonElement | null = null;
  private running = false;
  private runningSince = 0;
  private late = false;

  constructor(
    readonly element: HTMLElement,
    source: HTMLPreElement,
    exercise: string | null,
    act: Act,
  ) {
    this.id = element.dataset.cell!;
    this.source = source;
    this.input = source.closest<HTMLElement>(".cell_input")!;
    this.built = [...source.childNodes];
    this.original = source.textContent.replace(/\n$/, "");
    this.text = this.original;
    this.exercise = exercise;
    const press = (action: Action): void => {
      if (this.late) this.say();
      act(this, action);
    };
    this.run = makeButton("run", this.runWords, () => {
      if (!this.running) press("run");
      else if (performance.now() - this.runningSince > DOUBLE_CLICK) press("stop");
    });
    this.undo = makeButton("undo", "元に戻す", () => press(this.running ? "abandon" : "undo"));
    this.undo.hidden = true;
    const controls = make("div", "live-controls");
    if (exercise) {
      this.write = makeButton("write", "答えを書く", () => press("write"));
      controls.append(this.write);
    }
    controls.append(this.undo, this.run);
    this.help.id = `live-help-${this.id.replace(/\W/g, "-")}`;
    this.foot.hidden = true;
    this.foot.append(this.status, this.help);
    element.classList.add("live-cell");
    this.input.append(controls, this.foot);
  }

  get runWords(): string {
    return this.exercise ? "採点" : "実行";
  }

  get helpId(): string {
    return this.help.id;
  }

  get changed(): boolean {
    return this.text !== this.original;
  }

  /** コードを差し替える。もとのコードなら、もとの色つきの文字を置く。 */
  show(text: string): void {
    this.text = text;
    if (text === this.original) this.source.replaceChildren(...this.built);
    else this.source.textContent = `${text}\n`;
  }

  say(...words: (Node | string)[]): void {
    this.foot.hidden = false;
    this.late = false;
    this.status.replaceChildren(...words);
  }

  /** 届かなかったと言う。次に押されたら消す。 */
  sayLate(words: string): void {
    this.say(words);
    this.late = true;
  }

  explain(words: string): void {
    this.foot.hidden = false;
    this.help.textContent = words;
  }

  /** 何もしていないときの姿に戻す。 */
  quiet(): void {
    this.status.replaceChildren();
    this.help.replaceChildren();
    this.foot.hidden = true;
  }

  /** 動いているか、順番を待っている。 */
  get busy(): boolean {
    return this.running;
  }

  set busy(busy: boolean) {
    if (busy && !this.running) this.runningSince = performance.now();
    this.running = busy;
    this.element.toggleAttribute("data-running", busy);
    rename(this.run, busy ? "stop" : "run", busy ? "停止" : this.runWords);
  }

  set editing(editing: boolean) {
    if (this.write) this.write.hidden = editing;
    this.source.hidden = editing;
    this.element.toggleAttribute("data-editing", editing);
  }

  get undoable(): boolean {
    return !this.undo.hidden;
  }

  set undoable(undoable: boolean) {
    if (!undoable && document.activeElement === this.undo) this.run.focus();
    this.undo.hidden = !undoable;
  }

  focus(): void {
    this.run.focus();
  }

  /** 残っていた答えと、解けた印を見せる。答えは、押されるまで動かさない。 */
  restore({ written, solved }: record.Progress): void {
    if (!this.exercise) return;
    const words: string[] = [];
    if (solved.has(this.exercise)) {
      this.element.toggleAttribute("data-solved", true);
      words.push("この演習は、前に解けています。");
    }
    const text = written.get(this.exercise);
    if (text !== undefined && text !== this.original) {
      this.show(text);
      this.undoable = true;
      words.push("前に書いた答えを戻しました(まだ動かしていません)。");
    }
    if (words.length) this.say(words.join(""));
  }

  /** 書いた答えを、読者の端末に残す。 */
  keep(): Trouble {
    if (!this.exercise) return null;
    return record.keepWritten(this.exercise, this.changed ? this.text : null);
  }
}
