"""演算を記録するかどうかの切り替え: `no_grad`と`enable_grad`。

どれも`with`文とデコレータの両方に使える。
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial, wraps
from itertools import count
from typing import Any, TypeVar, cast

from bibun import errors

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
        if not isinstance(mode, bool):
            raise errors.must_be_at("set_grad_enabled", "enabled", 1, "bool", mode)
        self.previous = state.enabled
        self.mode = mode
        state.enabled = mode

    def __enter__(self) -> None:
        state.enabled = self.mode

    def __exit__(self, *exception: object) -> None:
        state.enabled = self.previous

    def __call__(self, function: _Function) -> _Function:
        state.enabled = self.previous  # デコレータは、関数の中でだけ効く
        return _decorated(partial(set_grad_enabled, self.mode), function)

    def __repr__(self) -> str:
        return f"torch.autograd.grad_mode.set_grad_enabled(mode={self.mode})"


def _decorated(switch: Callable[[], Any], function: _Function) -> _Function:
    """関数の本体が動くあいだだけ、切り替えた中にいる関数。"""
    from inspect import isgeneratorfunction  # 大きいので、使うときに読み込む

    @wraps(function)
    def wrapper(*arguments: Any, **keywords: Any) -> Any:
        with switch():
            return function(*arguments, **keywords)

    @wraps(function)
    def generate(*arguments: Any, **keywords: Any) -> Any:
        generator = function(*arguments, **keywords)
        step = partial(next, generator)
        try:
            while True:
                with switch():
                    value = step()
                try:
                    step = partial(generator.send, (yield value))
                except GeneratorExit:
                    with switch():
                        generator.close()
                    raise
                except BaseException as exception:
                    step = partial(generator.throw, exception)
        except StopIteration as stop:
            return stop.value

    return cast(_Function, generate if isgeneratorfunction(function) else wrapper)


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
        return _decorated(type(self), function)


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
