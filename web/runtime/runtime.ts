// ページのプログラムを動かす: 順に動かし、限りを守らせ、止める。
import {
  OUTPUT_LIMIT,
  RuntimeFailure,
  TIME_LIMIT,
  type Ended,
  type Output,
  type Progress,
  type Result,
  type RunOptions,
  type Runtime,
} from "./contract.js";
import { download } from "./download.js";
import { Frame, type Lane } from "./lane.js";
import { toOutcome, toOutput, type FromWorker, type Outcome } from "./wire.js";

const SPARE_AFTER = 500; // 予備のワーカーを起こすまでの時間(ミリ秒)。最初のセルの邪魔をしない
const MESSAGES = 2_500; // 1回の実行で受け取る知らせの数。Pythonの側はこれより少ない
const CHARACTERS = 10 * OUTPUT_LIMIT; // 1回の実行で受け取る文字の数(図を含む)

const WORDS: Record<Exclude<Ended, "done" | "error">, string> = {
  stopped: "停止しました。変数は初めの状態に戻りました。",
  timeout: "秒たっても終わらなかったので、止めました。終わらないくり返しがないか見直してください。変数は初めの状態に戻りました。",
  crashed: "Pythonが続けられなくなり、動かし直しました。記憶を使い切ったか、呼び出しが深すぎたときに起きます。変数は初めの状態に戻りました。",
};

interface Running {
  options: RunOptions;
  finish(ended: Ended, outcome?: Outcome): void;
}

export class PageRuntime implements Runtime {
  private frame: Promise<Frame> | null = null;
  private lane: Lane | null = null;
  private spare: Lane | null = null;
  private started: Promise<void> | null = null;
  private last: Promise<unknown> = Promise.resolve();
  private running: Running | null = null;
  private runs = 0;
  private stops = 0;
  private lost = false; // 動いていないうちに、枠がなくなった

  get state(): Runtime["state"] {
    if (this.running) return "running";
    if (this.lane) return "ready";
    return this.started ? "loading" : "new";
  }

  start(onProgress: (progress: Progress) => void = () => {}): Promise<void> {
    this.started ??= this.open(onProgress).catch((failure: unknown) => {
      void this.frame?.then((frame) => frame.remove()).catch(() => {});
      this.frame = this.spare = this.started = null;
      throw failure instanceof RuntimeFailure ? failure : new RuntimeFailure(String(failure));
    });
    return this.started;
  }

  private async open(onProgress: (progress: Progress) => void, again = true): Promise<void> {
    if (typeof WebAssembly === "undefined" || typeof DecompressionStream === "undefined") {
      throw new RuntimeFailure(
        "このブラウザーでは、プログラムを動かせません。新しいChrome、Edge、Firefox、Safariで動きます。",
      );
    }
    let size = 0;
    this.frame ??= Frame.open(
      download((loaded, total) => {
        size = total;
        onProgress({ phase: "download", loaded, total });
      }),
      () => this.lose(),
    );
    const opened = this.frame;
    const frame = await opened;
    const lane = this.spare ?? frame.spawn();
    this.spare = null;
    onProgress({ phase: "start", loaded: size, total: size });
    try {
      await Promise.all([lane.ready, frame.answer()]); // 予備は、枠がなくなる前に用意できていたかもしれない
    } catch (failure) {
      if (again && this.frame !== opened) return this.open(onProgress, false); // 枠がなくなっていた
      throw failure;
    }
    this.lane = lane;
    onProgress({ phase: "ready", loaded: size, total: size });
    setTimeout(() => void this.prepareSpare(), SPARE_AFTER);
  }

  private async prepareSpare(): Promise<void> {
    const frame = await this.frame?.catch(() => null);
    if (frame) this.spare ??= frame.spawn();
  }

  /** 枠がなくなった。動いているものはそこで終わり、次のものは新しい枠で動く。用意の途中なら、open がやり直す。 */
  private lose(): void {
    this.frame = this.spare = null;
    if (this.running) return void this.abandon("crashed");
    if (!this.lane) return;
    this.lane = this.started = null;
    this.lost = true;
  }

  run(code: string, options: RunOptions): Promise<Result> {
    const stops = this.stops;
    const turn = this.last.then(async () => {
      await this.start();
      if (stops !== this.stops) return notRun("stopped", options);
      if (!this.lost) return this.execute(code, options);
      this.lost = false;
      return notRun("crashed", options); // 変数が、知らないうちに失われていた
    });
    this.last = turn.catch(() => {});
    return turn;
  }

  private execute(code: string, options: RunOptions): Promise<Result> {
    const lane = this.lane!;
    const run = ++this.runs;
    const began = performance.now();
    const limit = options.timeLimit ?? TIME_LIMIT;
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.abandon("timeout"), limit * 1000);
      const finish = (ended: Ended, outcome?: Outcome) => {
        clearTimeout(timer);
        this.running = null;
        lane.onMessage = () => {};
        resolve({
          ended,
          ok: ended === "done",
          kept: ended === "done" || ended === "error",
          seconds: (performance.now() - began) / 1000,
          verdicts: outcome?.verdicts ?? [],
          error: outcome?.error ?? null,
        });
      };
      this.running = { options, finish };
      lane.onMessage = this.receiver(run, options, finish);
      lane.send({ run, code, cell: options.cell });
    });
  }

  /** 1回の実行の間、ワーカーの知らせを受け取る。 */
  private receiver(run: number, options: RunOptions, finish: Running["finish"]) {
    let messages = 0;
    let characters = 0;
    return (message: FromWorker) => {
      if (message.kind === "broken") return void this.abandon("crashed");
      if (message.kind === "ready" || message.run !== run) return;
      if (message.kind === "result") {
        const outcome = toOutcome(message.result);
        return outcome ? finish(outcome.ended, outcome) : void this.abandon("crashed");
      }
      messages += 1;
      characters += message.output.length;
      if (messages > MESSAGES || characters > CHARACTERS) return void this.abandon("crashed");
      const output = toOutput(message.output);
      if (output) options.onOutput(output);
    };
  }

  /** 動いているものを打ち切り、そう告げて、予備のワーカーに替える。 */
  private abandon(ended: Exclude<Ended, "done" | "error">): Promise<void> {
    const { running } = this;
    const replaced = this.replace().catch(() => {}); // 用意できなかったことは、次の run が言う
    if (running) {
      running.options.onOutput(notice(ended, running.options));
      running.finish(ended);
    }
    return replaced;
  }

  private replace(): Promise<void> {
    this.lane?.end();
    this.lane = this.started = null;
    return this.start();
  }

  async stop(): Promise<void> {
    this.stops += 1; // 待っているものも動かさない
    if (this.running) await this.abandon("stopped");
  }

  async reset(): Promise<void> {
    this.stops += 1;
    this.lost = false;
    if (this.running) await this.abandon("stopped");
    else if (this.lane) await this.replace();
  }
}

/** 動かさずに終える。 */
function notRun(ended: keyof typeof WORDS, options: RunOptions): Result {
  options.onOutput(notice(ended, options));
  return { ended, ok: false, kept: false, seconds: 0, verdicts: [], error: null };
}

function notice(ended: keyof typeof WORDS, options: RunOptions): Output {
  const seconds = ended === "timeout" ? String(options.timeLimit ?? TIME_LIMIT) : "";
  return { kind: "notice", text: seconds + WORDS[ended] };
}
