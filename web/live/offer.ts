// 動かせるセルにボタンを置き、初めて押されたときに、残りのプログラム(page.ts)を読む。
import { TRY_AGAIN } from "../runtime/contract";
import { announce, prepareAnnouncements } from "./announce";
import { Cell, type Act, type Action } from "./cell";
import { make, makeButton } from "./elements";
import * as record from "./record";

/** page.ts が出すもの。 */
export interface PageModule {
  open(cells: readonly Cell[], bar: Bar): Desk;
}

/** 押されたボタンの仕事をするもの。 */
export interface Desk {
  act(cell: Cell, action: Action): void;
  runAll(): void;
}

/** ページの先頭の帯。 */
export interface Bar {
  all: HTMLButtonElement;
  status: HTMLElement;
}

declare const LIVE_PAGE: string; // page.ts をまとめたファイル。web/bundle.mjs が決める

const CHECK = /\bcheck\(\s*"([^"]+)"/;
const LATE = `プログラムを動かすためのものを受け取れませんでした。${TRY_AGAIN}`;

/** place は、book.js の置かれたフォルダー。 */
export function offerRunning(place: URL): void {
  const barPlace = document.querySelector<HTMLElement>(".live-bar");
  const elements = [...document.querySelectorAll<HTMLElement>("[data-cell]")];
  const unable = typeof WebAssembly === "undefined" || location.protocol === "file:"; // ファイルからは読めない
  if (unable || !elements.length) return barPlace?.remove();
  prepareAnnouncements();

  let opening: Promise<Desk> | null = null;
  let tries = 0;
  const desk = (): Promise<Desk> => {
    opening ??= import(new URL(`${LIVE_PAGE}#${(tries += 1)}`, place).href).then(
      (module: PageModule) => module.open(cells, bar),
    );
    return opening;
  };
  const act: Act = (cell, action) => {
    if (action === "run") cell.busy = true;
    desk().then(
      (opened) => opened.act(cell, action),
      () => {
        opening = null;
        cell.busy = false;
        cell.sayLate(LATE);
        announce(LATE);
      },
    );
  };
  const cells = elements.flatMap((element) => offerCell(element, act));
  const bar = offerBar(barPlace, () => {
    desk().then(
      (opened) => opened.runAll(),
      () => {
        opening = null;
        bar.status.textContent = LATE;
        announce(LATE);
      },
    );
  });
  restore(cells, bar);
}

function offerCell(element: HTMLElement, act: Act): Cell[] {
  const source = element.querySelector<HTMLPreElement>(".cell_input pre");
  const reason = element.dataset.notRunnable;
  if (!source) return [];
  if (reason !== undefined) {
    const words = `ページの中では動かせません。${reason}`;
    source.closest(".cell_input")!.after(make("p", "live-reason", words));
    return [];
  }
  return [new Cell(element, source, exerciseOf(element, source), act)];
}

/** 演習の囲みより後にあって、採点を呼ぶセルなら、その番号。 */
function exerciseOf(element: HTMLElement, source: HTMLElement): string | null {
  const box = document.querySelector(".admonition.exercise");
  const follows = box && box.compareDocumentPosition(element) & Node.DOCUMENT_POSITION_FOLLOWING;
  return (follows && CHECK.exec(source.textContent)?.[1]) || null;
}

function offerBar(place: HTMLElement | null, press: () => void): Bar {
  const all = makeButton("run", "全部実行", press);
  const status = make("span", "live-status");
  if (place) {
    const about = make("a", "", make("code", "", "bibun"));
    about.href = place.dataset.about ?? "";
    const standIn = make("p", "", "セルは、このページの中で書きかえて動かせます。そのとき");
    standIn.append(make("code", "", "import torch"), "で入るのは、PyTorch本体ではなく、そのまねをする", about, "です。");
    place.append(standIn, all, status);
  }
  return { all, status };
}

function restore(cells: readonly Cell[], bar: Bar): void {
  const exercises = cells.filter(({ exercise }) => exercise);
  if (!exercises.length) return;
  const { progress, trouble } = record.read();
  for (const cell of exercises) cell.restore(progress);
  if (trouble) bar.status.textContent = trouble;
}
