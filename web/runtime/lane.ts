// 枠と、その中のワーカー1つずつ(レーン)を、ページの側から扱う。
import { RuntimeFailure } from "./contract.js";
import { PLACE } from "./download.js";
import {
  fromWorker,
  type Files,
  type FromFrame,
  type FromWorker,
  type Job,
  type ToFrame,
} from "./wire.js";

const BEAT = 1_000; // 枠に呼びかける間隔(ミリ秒)
const PATIENCE = 6; // これだけ続けて返事がなければ、枠はなくなった
const START_LIMIT = 120_000; // ワーカーの用意を待つ時間(ミリ秒)。遅い計算機でも、初めから起こすのに足りる

declare const FRAME: string; // 枠の番地。bundle.mjs が決める

/**
 * サイトの外に置いた枠。
 *
 * 枠は、ブラウザーによっては別のプロセスで動く。記憶を使い切ると、そのプロセスごとなくなり、ページには何も
 * 知らされない。そこで、呼びかけ続ける。枠のスクリプトはプログラムを動かさないので、いつでもすぐに答える。
 */
export class Frame {
  private readonly control = new MessageChannel();
  private readonly lanes = new Map<number, Lane>();
  private readonly watch: number;
  private readonly waiting: { answered(): void; lost(reason: RuntimeFailure): void }[] = [];
  private spawned = 0;
  private unanswered = 0;

  private constructor(
    private readonly element: HTMLIFrameElement,
    files: Files,
    onLost: () => void,
  ) {
    this.control.port1.onmessage = ({ data }: MessageEvent<FromFrame>) => {
      this.unanswered = 0;
      if (data.kind === "broken") return this.lanes.get(data.lane)?.fail("ワーカーを起こせません");
      for (const { answered } of this.waiting.splice(0)) answered();
    };
    this.watch = setInterval(() => {
      if (this.unanswered < PATIENCE) return this.beat();
      this.remove();
      onLost();
      const reason = "枠がなくなりました";
      for (const { lost } of this.waiting) lost(new RuntimeFailure(reason));
      for (const lane of this.lanes.values()) lane.onMessage({ kind: "broken", reason });
    }, BEAT);
    element.contentWindow!.postMessage(files, "*", [
      this.control.port2,
      ...Object.values(files), // 写さずに渡す
    ]);
  }

  /** 枠を置いて、ファイルを渡す。`files` は、枠を用意する間に受け取っていてよい。 */
  static async open(files: Promise<Files>, onLost: () => void): Promise<Frame> {
    const element = document.createElement("iframe");
    element.setAttribute("sandbox", "allow-scripts");
    element.src = new URL(FRAME, PLACE).href;
    element.hidden = true;
    element.title = "プログラムを動かす枠";
    const loaded = new Promise((done) => element.addEventListener("load", done, { once: true }));
    document.body.append(element);
    try {
      return new Frame(element, (await Promise.all([files, loaded]))[0], onLost);
    } catch (failure) {
      element.remove();
      throw failure;
    }
  }

  /** 呼びかけて、答えを待つ。枠がなくなっていれば失敗する。 */
  answer(): Promise<void> {
    this.tell({ kind: "call" }, []);
    return new Promise((answered, lost) => this.waiting.push({ answered, lost }));
  }

  /** 新しいワーカーを起こす。 */
  spawn(): Lane {
    const lane = this.spawned++;
    const { port1, port2 } = new MessageChannel();
    this.tell({ kind: "spawn", lane }, [port2]);
    const spawned = new Lane(port1, () => {
      this.lanes.delete(lane);
      this.tell({ kind: "end", lane }, []);
    });
    this.lanes.set(lane, spawned);
    return spawned;
  }

  /** 枠を消す。中のワーカーも終わる。 */
  remove(): void {
    clearInterval(this.watch);
    this.element.remove();
  }

  private beat(): void {
    this.unanswered += 1;
    this.tell({ kind: "call" }, []);
  }

  private tell(message: ToFrame, ports: MessagePort[]): void {
    this.control.port1.postMessage(message, ports);
  }
}

/** 1つのワーカー。変数は、レーンとともに消える。 */
export class Lane {
  readonly ready: Promise<void>;
  onMessage: (message: FromWorker) => void = () => {};
  /** 用意ができなかったことにする。もうできていれば、何もしない(その後の誤りは、プログラムが起こしうる)。 */
  fail: (reason: string) => void = () => {};

  constructor(
    private readonly port: MessagePort,
    private readonly terminate: () => void,
  ) {
    this.ready = new Promise((done, fail) => {
      this.fail = (reason) => fail(new RuntimeFailure(cannotStart(reason)));
      this.onMessage = (message) => {
        if (message.kind === "ready") done();
        if (message.kind === "broken") this.fail(message.reason);
      };
    });
    setTimeout(() => this.fail("時間がかかりすぎています"), START_LIMIT);
    this.ready.catch(() => {}); // 待つ者がいないうちに失敗しても、ページの誤りにしない
    port.onmessage = ({ data }) => {
      const message = fromWorker(data);
      if (message) this.onMessage(message);
    };
  }

  send(job: Job): void {
    this.port.postMessage(job);
  }

  end(): void {
    this.port.close();
    this.terminate();
  }
}

function cannotStart(reason: string): string {
  return `プログラムを動かす用意ができませんでした(${reason})。もう一度押してください。だめなら、新しいChrome、Edge、Firefox、Safariで開いてください。`;
}
