"""例外の文面。torchに同じ誤りがあるものは、torch 2.13の文面そのままにする。

どの関数も例外を「作って返す」だけで、投げるのは呼んだ側である。文面が1か所に並ぶので、torchの版が上がって
言い回しが変わったときは、この部屋だけを直せばよい。

Examples
--------
>>> str(implicit_gradient_of_non_scalar())
'grad can be implicitly created only for scalar outputs'
"""

# 使う側はいつも`errors.名前`と書く。文面を分けて置いた部屋を、ここで1つに集める
from bibun.errors.cautions import *  # noqa: F403
from bibun.errors.dimensions import *  # noqa: F403
from bibun.errors.recording import *  # noqa: F403
from bibun.errors.values import *  # noqa: F403

__all__ = ["UnsupportedError"]


class UnsupportedError(NotImplementedError):
    """torchにはあるが、bibunにはない機能を使ったときの例外。

    Examples
    --------
    >>> raise UnsupportedError("complex64")
    Traceback (most recent call last):
        ...
    bibun.errors.UnsupportedError: bibunにcomplex64はありません。本物のPyTorchで実行してください。
    """

    def __init__(self, feature: str) -> None:
        super().__init__(f"bibunに{feature}はありません。本物のPyTorchで実行してください。")
