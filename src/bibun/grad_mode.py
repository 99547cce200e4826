"""演算を記録するかどうかの切り替え: `no_grad`と`enable_grad`。

どれも`with`文とデコレータの両方に使える。
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from itertools import count
from typing import Any, TypeVar

__all__ = ["enable_grad", "is_grad_enabled", "no_grad", "set_grad_enabled"]

_Function = TypeVar("_Function", bound=Callable[..., Any])


next_order = count(0, -1).__next__
"""記録と書き換えに振る、起きた順の番号(小さいほど新しい)。クラスの属性で数えると、書くたびにPythonの近道が無効になって遅い。"""


class _State:
    """いま記録しているか(`enabled`)と、最後に値をその場で書き換えた順番(`written`)。演算のたびに読むので、軽い入れ物にする。"""

    __slots__ = ("enabled", "written")

    def __init__(self) -> None:
        self.enabled = True
        self.written = next_order()


state = _State()


def is_grad_enabled() -> bool:
    """いま、演算が記録されるか。

    Examples
    --------
    >>> with no_grad():
    ...     is_grad_enabled()
    False
    """
    return state.enabled


class set_grad_enabled:
    """記録するかどうかを切り替える。呼んだ時点で効き、`with`文を出るともとに戻る。

    Parameters
    ----------
    mode : bool
        記録するなら`True`。

    Examples
    --------
    >>> with set_grad_enabled(False):
    ...     is_grad_enabled()
    False
    >>> is_grad_enabled()
    True
    """

    def __init__(self, mode: bool) -> None:
        self.previous = state.enabled
        self.mode = mode
        state.enabled = mode

    def __enter__(self) -> None:
        state.enabled = self.mode

    def __exit__(self, *exception: object) -> None:
        state.enabled = self.previous


class _Mode:
    """`with`文に入ったときだけ効く切り替え。"""

    mode: bool

    def __new__(cls, function: Any = None) -> Any:
        instance = super().__new__(cls)
        if function is None:
            return instance
        instance.__init__()  # type: ignore[misc]
        return instance(function)  # `@no_grad`と括弧なしで書かれたとき

    def __init__(self) -> None:
        self.previous: list[bool] = []

    def __enter__(self) -> None:
        self.previous.append(state.enabled)
        state.enabled = self.mode

    def __exit__(self, *exception: object) -> None:
        state.enabled = self.previous.pop()

    def __call__(self, function: _Function) -> _Function:
        @wraps(function)
        def wrapper(*arguments: Any, **keywords: Any) -> Any:
            with self:
                return function(*arguments, **keywords)

        return wrapper  # type: ignore[return-value]


class no_grad(_Mode):
    """この中の演算は記録されない。パラメーターを更新するときに使う。

    Examples
    --------
    >>> import bibun.torch_api as torch
    >>> x = torch.tensor(2.0, requires_grad=True)
    >>> with torch.no_grad():
    ...     y = x * 3
    >>> y.requires_grad
    False
    """

    mode = False


class enable_grad(_Mode):
    """`no_grad`の中で、ふたたび演算を記録する。

    Examples
    --------
    >>> with no_grad(), enable_grad():
    ...     is_grad_enabled()
    True
    """

    mode = True
