"""微分(bibun): 講義「自動微分」の本が使う、純Pythonの小さな自動微分エンジン。

標準ライブラリーだけで動く。`import bibun.torch_api as torch`とすると、本のコードがそのまま動く。
部屋の並び(下は上だけを使う):

- `errors` 例外の文面、`dtypes` 要素の型、`shapes` 形の計算
- `tensor` 値と由来の記録、`operation` 値の計算と微分の規則の組、`rules` その表
- `operators` Pythonの演算子、`backward` 逆伝播
- `creation`、`optim`、`torch_api` 章が使う名前

Examples
--------
>>> import bibun.torch_api as torch
>>> x = torch.tensor(2.0, requires_grad=True)
>>> y = x**2 + 4 * x + 3
>>> y.backward()
>>> x.grad
tensor(8.)
"""

from bibun import methods, operators  # 読み込むと、Tensorに演算子とメソッドが付く

__all__ = ["methods", "operators"]
