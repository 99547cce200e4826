// 章のセルを、ページの上から下への順を守って動かす。
//
// 上から順に動かして、いま効いているコードを ran に覚える。上のセルを動かし直すか、元に戻すと、
// それより下は動かしていないものとみなし、次に要るときに、また順に動かす。
import { RuntimeFailure, type Chapter, type Output, type Result, type Runtime } from "../runtime/contract";

export interface Watch {
  /** 先に動かす上のセルの、何個のうち何個目か。 */
  onEarlier(number: number, of: number): void;
  onOutput(output: Output): void;
}

export interface Ran {
  result: Result;
  earlier: number; // 先に動かした、上のセルの数
  reached: boolean; // 偽なら、上のセルで止まった
}

export class Session {
  private ran: string[] = []; // 章のセルと同じ順
  private readonly lastRun = new Map<string, string>(); // 読者が動かしたコード

  constructor(
    private readonly runtime: Runtime,
    private readonly chapter: Chapter,
  ) {}

  async run(id: string, code: string, watch: Watch): Promise<Ran> {
    const place = this.find(id);
    const above = this.chapter.cells
      .slice(0, place)
      .map(({ id, code }) => ({ id, code: this.lastRun.get(id) ?? code }));
    const stale = above.findIndex(({ code }, index) => code !== this.ran[index]);
    const earlier = stale < 0 ? [] : above.slice(stale).filter(({ code }) => code.trim());
    for (const [index, cell] of earlier.entries()) {
      watch.onEarlier(index + 1, earlier.length);
      const result = await this.runtime.run(cell.code, { cell: cell.id, onOutput: () => {} });
      if (!result.kept) {
        this.lose(cell.id);
        return { result, earlier: index, reached: false };
      }
    }
    const result = await this.runtime.run(code, { cell: id, onOutput: watch.onOutput });
    if (result.kept) {
      this.lastRun.set(id, code);
      this.ran = [...above.map(({ code }) => code), code];
    } else {
      this.lose(id);
    }
    return { result, earlier: earlier.length, reached: true };
  }

  /** このセルを、読者が動かす前のコードに戻す。 */
  forget(id: string): void {
    this.lastRun.delete(id);
  }

  /** 何も定義されていない状態から始める。 */
  async restart(): Promise<void> {
    const used = this.ran.length > 0;
    this.ran = [];
    if (used) await this.runtime.reset();
  }

  /** 変数が失われた。終わらなかったコードは、読者が押すまで動かさない。 */
  private lose(id: string): void {
    this.lastRun.delete(id);
    this.ran = [];
  }

  private find(id: string): number {
    const place = this.chapter.cells.findIndex((cell) => cell.id === id);
    if (place < 0) {
      throw new RuntimeFailure("サイトが新しくなっています。ページを読み込み直してください。");
    }
    return place;
  }
}
