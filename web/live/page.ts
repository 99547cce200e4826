// 初めて押されたときに読まれる束の入り口。ボタンの仕事をする。
import { TRY_AGAIN, type LiveModule, type Result, type Runtime } from "../runtime/contract";
import { announce } from "./announce";
import type { Action, Cell } from "./cell";
import type { Editor } from "./editor";
import { makeButton, rename } from "./elements";
import type { Bar, Desk } from "./offer";
import { CellOutput } from "./output";
import * as record from "./record";
import { Session, type Ran } from "./session";
import { Waiting } from "./waiting";

declare const LIVE_MODULE: string; // live.js の番地。web/bundle.mjs が決める

const SAVE_AFTER = 400; // 書く手が止まってから、残すまで(ミリ秒)

const ENDED: Record<Exclude<Result["ended"], "done">, string> = {
  error: "エラーで終わりました。",
  stopped: "停止しました。",
  timeout: "時間の限りがきたので、止めました。",
  crashed: "続けられなくなったので、止めました。",
};

interface Engine {
  module: LiveModule;
  runtime: Runtime;
  session: Session;
}

/** 進み具合や結果を言う場所。 */
type Say = (...words: (Node | string)[]) => void;

export function open(cells: readonly Cell[], bar: Bar): Desk {
  return new PageDesk(cells, bar);
}

class PageDesk implements Desk {
  private readonly editors = new Map<Cell, Editor>();
  private readonly outputs = new Map<Cell, CellOutput>();
  private readonly saving = new Map<Cell, number>();
  private engine: Promise<Engine> | null = null;
  private ready = false;
  private last: Promise<unknown> = Promise.resolve();
  private stop = new AbortController();
  private runningAll = false;

  constructor(
    private readonly cells: readonly Cell[],
    private readonly bar: Bar,
  ) {
    addEventListener("pagehide", () => {
      for (const cell of this.saving.keys()) this.save(cell);
    });
  }

  act(cell: Cell, action: Action): void {
    if (action === "run") void this.request(cell);
    else if (action === "write") void this.edit(cell, true);
    else if (action === "undo") this.undo(cell);
    else this.halt();
    if (action === "abandon") void this.queue(async () => this.undo(cell));
  }

  // ── 動かす ──

  /** 前のものが終わったら動かす。 */
  private request(cell: Cell): Promise<void> {
    const code = cell.text;
    const { signal } = this.stop;
    cell.busy = true;
    cell.say("順番を待っています。");
    void this.edit(cell, false);
    return this.queue(async () => {
      try {
        if (signal.aborted) cell.say(ENDED.stopped);
        else await this.execute(cell, code, signal);
      } catch (failure) {
        this.tell((...words) => cell.say(...words), reasonOf(failure));
      } finally {
        cell.busy = false;
      }
    });
  }

  private queue(work: () => Promise<void>): Promise<void> {
    const turn = this.last.then(work);
    this.last = turn;
    return turn;
  }

  private async execute(cell: Cell, code: string, signal: AbortSignal): Promise<Ran | null> {
    const say: Say = (...words) => cell.say(...words);
    const engine = await this.prepare(say, signal);
    if (!engine) return null;
    const output = this.outputs.get(cell) ?? new CellOutput(cell, engine.module.figure);
    this.outputs.set(cell, output);
    this.editors.get(cell)?.mark(null);
    output.begin();
    say("動かしています。");
    const ran = await engine.session.run(cell.id, code, {
      onEarlier: (number, of) => say(`先に、上のセルを動かしています(${number}/${of})。`),
      onOutput: (piece) => output.add(piece),
    });
    if (ran.reached) {
      output.end();
      cell.undoable = true;
    }
    this.report(cell, output, ran);
    return ran;
  }

  /** 動かすものを用意する。用意の間に停止が押されたら null。 */
  private async prepare(say: Say, signal: AbortSignal): Promise<Engine | null> {
    const engine = (this.engine ??= this.load());
    engine.catch(() => (this.engine = null));
    if (this.ready) return engine;
    const waiting = new Waiting();
    say(...waiting.parts);
    announce("動かす用意をしています。");
    const started = engine.then(async (loaded) => {
      await loaded.runtime.start(waiting.show);
      this.ready = true;
      return loaded;
    });
    const done = await Promise.race([started, stopped(signal)]);
    if (!done) say(ENDED.stopped);
    return done;
  }

  private async load(): Promise<Engine> {
    const address = new URL(LIVE_MODULE, import.meta.url).href;
    const module = (await import(address)) as LiveModule;
    const runtime = module.createRuntime();
    const chapter = this.cells[0]!.id.split("#")[0]!;
    return { module, runtime, session: new Session(runtime, await module.loadChapter(chapter)) };
  }

  private halt(): void {
    this.stop.abort();
    this.stop = new AbortController();
    if (this.ready) void this.engine?.then(({ runtime }) => runtime.stop());
  }

  // ── 結果を言う ──

  private report(cell: Cell, output: CellOutput, { result, earlier, reached }: Ran): void {
    if (!reached) {
      const words = `上のセルを動かしている間に${ENDED[result.ended as keyof typeof ENDED]}`;
      return this.tell((...w) => cell.say(...w), `${words}もう一度押すと、はじめから動かします。`);
    }
    const before = earlier ? `先に、上の${earlier}個のセルを動かしました。` : "";
    const verdict = result.verdicts.filter(({ id }) => id === cell.exercise).at(-1);
    if (verdict) {
      output.judge(verdict);
      const solved = verdict.status === "right";
      if (solved) cell.element.toggleAttribute("data-solved", true);
      const trouble = solved ? record.keepSolved(verdict.id) : null;
      cell.say(`採点しました。${before}${trouble ?? ""}`);
      return announce(`${solved ? "正解" : "不正解"}。${verdict.message.replaceAll("`", "")}`);
    }
    if (result.ended === "done") {
      cell.say(`実行しました(${inWords(result.seconds)})。${before}`);
      return announce(`実行しました。${before}`);
    }
    cell.say(ENDED[result.ended], before);
    if (result.error) {
      this.editors.get(cell)?.mark(result.error.line);
      announce(`エラー。${result.error.name}: ${result.error.message}`);
    } else {
      announce(output.notices.join("") || ENDED[result.ended]);
    }
  }

  private tell(say: (words: string) => void, words: string): void {
    say(words);
    announce(words);
  }

  // ── 書く ──

  private async edit(cell: Cell, focus: boolean): Promise<void> {
    if (!this.editors.has(cell)) {
      let create: typeof import("./editor").createEditor;
      try {
        create = (await import("./editor")).createEditor;
      } catch {
        return this.tell((words) => cell.sayLate(words), `エディターを受け取れませんでした。${TRY_AGAIN}`);
      }
      if (!this.editors.has(cell)) this.openEditor(cell, create);
    }
    if (focus) this.editors.get(cell)?.focus();
  }

  private openEditor(cell: Cell, create: typeof import("./editor").createEditor): void {
    const kind = cell.exercise ? "演習の答え" : "コード";
    const run = (): void => {
      if (!cell.busy) void this.request(cell);
    };
    const editor = create({
      text: cell.text,
      label: `${kind}(このページの${this.cells.indexOf(cell) + 1}番目のセル)`,
      describedBy: cell.helpId,
      onChange: (text) => this.changed(cell, text),
      onRun: run,
      onRunAndGoOn: () => {
        run();
        this.goOn(cell);
      },
      onEscape: () => announce("Tabで、エディターの外へ出られます。"),
    });
    cell.source.after(editor.element);
    cell.editing = true;
    cell.undoable = true;
    cell.explain(keysFor(cell));
    this.editors.set(cell, editor);
  }

  private changed(cell: Cell, text: string): void {
    cell.show(text);
    if (!cell.exercise) return;
    clearTimeout(this.saving.get(cell));
    this.saving.set(cell, window.setTimeout(() => this.save(cell), SAVE_AFTER));
  }

  private save(cell: Cell): void {
    clearTimeout(this.saving.get(cell));
    this.saving.delete(cell);
    const trouble = cell.keep();
    if (trouble) cell.say(trouble);
  }

  private goOn(cell: Cell): void {
    const next = this.cells[this.cells.indexOf(cell) + 1];
    if (next) void this.edit(next, true);
  }

  /** もとのコードと出力に戻す。書いたものがあれば、1度だけ取り消せる。 */
  private undo(cell: Cell): void {
    const { text, changed, undoable } = cell;
    if (!undoable) return; // 続けて2度押された
    this.editors.get(cell)?.close();
    this.editors.delete(cell);
    this.outputs.get(cell)?.restore();
    void this.engine?.then(
      ({ session }) => session.forget(cell.id),
      () => {}, // 届かなかったのなら、忘れるものもない
    );
    cell.editing = false;
    cell.quiet();
    cell.show(cell.original);
    this.save(cell);
    cell.undoable = false;
    if (!changed) return announce("元に戻しました。");
    const back = makeButton("again", "取り消す", () => {
      cell.quiet();
      cell.show(text);
      this.editors.get(cell)?.set(text); // 戻した後に、エディターが届いていることがある
      this.save(cell);
      void this.edit(cell, true);
    });
    cell.say("元に戻しました。", back);
    announce("元に戻しました。「取り消す」で、書いたものを取り戻せます。");
  }

  // ── 全部実行 ──

  runAll(): void {
    if (this.runningAll) return this.halt();
    const { signal } = this.stop;
    this.runningAll = true;
    rename(this.bar.all, "stop", "停止");
    void this.queue(() => this.executeAll(signal));
  }

  private async executeAll(signal: AbortSignal): Promise<void> {
    const say: Say = (...words) => this.bar.status.replaceChildren(...words);
    let errors = 0;
    let words = ENDED.stopped;
    try {
      const engine = await this.prepare(say, signal);
      await engine?.session.restart();
      for (const [index, cell] of this.cells.entries()) {
        if (!engine || signal.aborted) break;
        say(`動かしています(${index + 1}/${this.cells.length})。`);
        const waiting = cell.busy; // 後でもう1度動く
        cell.busy = true;
        const ran = await this.execute(cell, cell.text, signal).finally(() => (cell.busy = waiting));
        if (!ran?.result.kept) break;
        if (ran.result.ended === "error") errors += 1;
        if (index + 1 === this.cells.length) words = allDone(index + 1, errors);
      }
    } catch (failure) {
      words = reasonOf(failure);
    }
    this.runningAll = false;
    rename(this.bar.all, "run", "全部実行");
    this.tell(say, words);
  }
}

function keysFor({ runWords }: Cell): string {
  return `Ctrl+Enterで${runWords}、Shift+Enterで${runWords}して次のセルへ。外へ出るには、Escを押してからTab。`;
}

function inWords(seconds: number): string {
  return seconds < 1 ? `${Math.max(1, Math.round(seconds * 1000))}ミリ秒` : `${seconds.toFixed(1)}秒`;
}

function allDone(count: number, errors: number): string {
  const failed = errors ? `エラーで終わったセルは${errors}個です(本がわざと起こすものを含みます)。` : "";
  return `${count}個のセルをすべて動かしました。${failed}`;
}

function stopped(signal: AbortSignal): Promise<null> {
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(null)));
}

function reasonOf(failure: unknown): string {
  if (failure instanceof Error && failure.name === "RuntimeFailure") return failure.message;
  return `プログラムを動かす用意ができませんでした。${TRY_AGAIN}`;
}
