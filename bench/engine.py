"""エンジンの速さと記憶の量を、ほかの自動微分と同じ1回の実行の中で比べる。

計算機の忙しさで秒数は変わるので、比だけを読む。`make bench` が呼ぶ。

- 鎖 ``x ← x·a + b`` を節点の数だけ伸ばし、順方向の計算と逆伝播を1節点あたりナノ秒で測る
- 3-16-16-1の、スカラーだけで作ったネットワークの、損失の計算と逆伝播. 学習のように続けて回し、ごみ集めも含める
  (microgradの記録は循環していて、手放してもすぐには消えず、あとのごみ集めが片付ける)。ごみ集めを止めた値も添える
- 1節点あたりのバイト数
"""

from __future__ import annotations

import gc
import sys
import threading
import time
import tracemalloc
from collections.abc import Callable
from functools import partial
from typing import Any

import micrograd.engine
import micrograd.nn

import bibun.torch_api as bibun

SIZES = (100, 10_000, 100_000)
ROUNDS = 5
NODES_PER_STEP = 2

Run = Callable[[int], Any]


def chain_bibun(steps: int) -> Any:
    """bibunの鎖。"""
    x = leaf = bibun.tensor(0.5, requires_grad=True)
    a = bibun.tensor(0.999, requires_grad=True)
    for _ in range(steps):
        x = x * a + 0.001
    x.backward()
    return leaf.grad


def chain_micrograd(steps: int) -> Any:
    """microgradの鎖。"""
    x = leaf = micrograd.engine.Value(0.5)
    a = micrograd.engine.Value(0.999)
    for _ in range(steps):
        x = x * a + 0.001
    x.backward()
    return leaf.grad


def chain_torch(steps: int) -> Any:
    """PyTorch(eager)の鎖。"""
    import torch

    x = leaf = torch.tensor(0.5, requires_grad=True)
    a = torch.tensor(0.999, requires_grad=True)
    for _ in range(steps):
        x = x * a + 0.001
    x.backward()
    return leaf.grad


def chain_autograd(steps: int) -> Any:
    """HIPS autogradの鎖。"""
    import autograd

    def f(x: Any) -> Any:
        a = 0.999
        for _ in range(steps):
            x = x * a + 0.001
        return x

    return autograd.grad(f)(0.5)


def chain_dezero(steps: int) -> Any:
    """DeZeroの鎖。"""
    import numpy as np

    np.int = int  # type: ignore[attr-defined] # DeZero 0.0.13は、NumPyから消えたこの別名を使う
    from dezero import Variable

    x = leaf = Variable(np.array(0.5))
    a = Variable(np.array(0.999))
    for _ in range(steps):
        x = x * a + 0.001
    x.backward()
    return leaf.grad


CHAINS: dict[str, Run] = {
    "bibun": chain_bibun,
    "micrograd": chain_micrograd,
    "torch": chain_torch,
    "autograd": chain_autograd,
    "DeZero": chain_dezero,
}


class BibunNetwork:
    """microgradの ``MLP(3, [16, 16, 1])`` と同じ形の、スカラーのネットワーク。"""

    def __init__(self) -> None:
        bibun.manual_seed(0)
        self.layers = [
            [[bibun.rand(()).requires_grad_() for _ in range(inputs + 1)] for _ in range(outputs)]
            for inputs, outputs in ((3, 16), (16, 16), (16, 1))
        ]

    def __call__(self, values: list[Any]) -> Any:
        for depth, layer in enumerate(self.layers, start=1):
            sums = [
                sum((w * x for w, x in zip(weights, values, strict=False)), weights[-1])
                for weights in layer
            ]
            values = sums if depth == len(self.layers) else [s.relu() for s in sums]
        return values[0]


def best(run: Callable[[], Any], loops: int, rounds: int) -> float:
    """`loops`回続けて走らせるのを`rounds`回くり返し、いちばん速かったときの、1回あたりの秒数。"""
    seconds = []
    for _ in range(rounds):
        gc.collect()
        start = time.perf_counter()
        for _ in range(loops):
            run()
        seconds.append(time.perf_counter() - start)
    return min(seconds) / loops


def compare_chains() -> None:
    """鎖の1節点あたりのナノ秒と、bibunに対する比。"""
    print("鎖 x·a+b、順方向と逆伝播: 1節点あたりナノ秒(bibunの何倍か)")
    print("節点の数".ljust(8) + "".join(name.rjust(18) for name in CHAINS))
    for nodes in SIZES:
        steps = nodes // NODES_PER_STEP
        loops = max(1, 20_000 // nodes)
        times = {}
        for name, chain in CHAINS.items():
            chain(10)
            rounds = ROUNDS if nodes <= 10_000 else 3
            times[name] = best(partial(chain, steps), loops, rounds) / nodes * 1e9
        ours = times["bibun"]
        row = [f"{t:9.0f} ({t / ours:5.2f})" for t in times.values()]
        print(str(nodes).ljust(12) + "".join(cell.rjust(18) for cell in row), flush=True)


def compare_networks() -> None:
    """スカラーのネットワークの1回分の、microgradに対する比。"""
    ours, theirs = BibunNetwork(), micrograd.nn.MLP(3, [16, 16, 1])
    inputs = [0.5, -1.0, 2.0]
    runs: dict[str, Callable[[], Any]] = {
        "bibun": lambda: ours([bibun.tensor(x) for x in inputs]).backward(),
        "micrograd": lambda: theirs(inputs).backward(),
    }
    print("\n3-16-16-1のネットワーク、順方向と逆伝播: 1回あたりミリ秒(bibunの何倍か)")
    for title, loops in (("続けて50回", 50), ("1回だけ、ごみ集めを止めて", 1)):
        if loops == 1:
            gc.disable()
        times = {name: best(run, loops, 30) * 1e3 for name, run in runs.items()}
        gc.enable()
        row = [f"{name} {t:.2f} ({t / times['bibun']:.2f})" for name, t in times.items()]
        print(f"{title}: {'、'.join(row)}", flush=True)


def compare_memory() -> None:
    """記録が残っている間の、1節点あたりのバイト数。"""
    steps = 50_000
    print("\n1節点あたりのバイト数(記録が残っている間)")
    for name, tensor in (("bibun", bibun.tensor), ("micrograd", micrograd.engine.Value)):
        options = {"requires_grad": True} if name == "bibun" else {}
        gc.collect()
        tracemalloc.start()
        x = tensor(0.5, **options)
        a = tensor(0.999, **options)
        for _ in range(steps):
            x = x * a + 0.001
        size, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        print(f"{name:>10} {size / (steps * NODES_PER_STEP):7.0f}")
        del x, a


def main() -> None:
    """すべて比べる。microgradは再帰で逆伝播するので、上限と積み場所を広げておく。"""
    compare_chains()
    compare_networks()
    compare_memory()


if __name__ == "__main__":
    sys.setrecursionlimit(1_000_000)
    threading.stack_size(1 << 30)
    thread = threading.Thread(target=main)
    thread.start()
    thread.join()
