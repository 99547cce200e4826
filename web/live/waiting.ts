// 用意ができるまでの、進み具合の棒。
import type { Progress } from "../runtime/contract";
import { make } from "./elements";

const MEGA = 1024 * 1024;

export class Waiting {
  private readonly bar = make("progress", "live-progress");
  private readonly words = make("span", "", "動かす用意をしています。");
  readonly parts = [this.words, this.bar];

  constructor() {
    this.bar.setAttribute("aria-label", "動かす用意の進み具合");
  }

  readonly show = ({ phase, loaded, total }: Progress): void => {
    if (phase === "download" && total) {
      this.bar.max = total;
      this.bar.value = loaded;
      this.words.textContent = `Pythonを受け取っています(${size(loaded)}/${size(total)} MB)。`;
      return;
    }
    this.bar.removeAttribute("value");
    this.words.textContent = "Pythonを起こしています。";
  };
}

function size(bytes: number): string {
  return (bytes / MEGA).toFixed(1);
}
