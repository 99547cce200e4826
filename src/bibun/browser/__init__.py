"""ページの中(Pyodide)で章のセルを動かす。

`session` がセルを順に実行し、`pretty` が値をIPythonと同じ文字にし、`torchviz` が ``import torchviz`` の代わりをする。
"""

from bibun.browser.session import Session, install

__all__ = ["Session", "install"]
