"""数値微分: 関数を中身を見ずに何回か計算し、その値の差から微分係数を近似する。

どの関数も「呼べるもの」なら何でも受け取る。エンジンのどの部屋にも頼らないので、
`gradcheck`が自動微分の答え合わせに使える。
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, Literal, ParamSpec, TypeVar

__all__ = ["CountCalls", "central_diff", "complex_step", "diff", "gradient"]

P = ParamSpec("P")
R = TypeVar("R")
Path = tuple[int, ...]
Method = Literal["forward", "central", "complex"]


def diff(f: Callable[[Any], Any], x: Any, h: Any = 1e-6) -> Any:
    """前進差分で微分係数を近似する。

    微分の定義f'(x) = lim (f(x+h) - f(x)) / hの極限をとらず、小さなhで止めたもの。

    Parameters
    ----------
    f : callable
        1変数の関数。
    x : float, Tensorまたはndarray
        微分係数を求める点。Tensorとndarrayなら要素ごとに計算する。
    h : float
        刻み幅。負なら後退差分になる。

    Returns
    -------
    xと同じ型
        f'(x) の近似値。

    Notes
    -----
    打ち切り誤差はhに比例し、桁落ちの誤差は1/hに比例する。float64ではh = 1e-8あたり、
    float32ではh = 1e-3あたりで和が最小になる。尖った点では右側の傾きを返す。
    fを2回計算する。

    References
    ----------
    「数値微分」の章。

    Examples
    --------
    >>> diff(lambda x: x**2, 2.0)
    4.0000010006480125
    """
    return (f(x + h) - f(x)) / h


def central_diff(f: Callable[[Any], Any], x: Any, h: Any = 1e-6) -> Any:
    """中心差分で微分係数を近似する。

    xの両側にhずつ離れた2点を結ぶ直線の傾き(f(x+h) - f(x-h)) / 2hを返す。

    Parameters
    ----------
    f : callable
        1変数の関数。
    x : float, Tensorまたはndarray
        微分係数を求める点。Tensorとndarrayなら要素ごとに計算する。
    h : float
        刻み幅。

    Returns
    -------
    xと同じ型
        f'(x) の近似値。

    Notes
    -----
    左右の2次の項が打ち消し合うので、打ち切り誤差はh² に比例する。尖った点では左右の傾きの
    平均を返す。fを2回計算する。

    References
    ----------
    「数値微分」の章。

    Examples
    --------
    >>> central_diff(lambda x: x**2, 2.0)
    4.000000000115023
    """
    return (f(x + h) - f(x - h)) / (2 * h)


def complex_step(f: Callable[[complex], complex], x: float, h: float = 1e-20) -> float:
    """虚数の方向にhだけずらして微分係数を求める(複素ステップ法)。

    f(x + ih) = f(x) + ih f'(x) - h² f''(x)/2 - … の虚部をhで割る。

    Parameters
    ----------
    f : callable
        複素数を受け取れる、正則な関数。`math`の関数は複素数を受け取らないので`cmath`を使う。
    x : float
        微分係数を求める点。
    h : float
        刻み幅。引き算をしないので桁落ちがなく、いくらでも小さくできる。

    Returns
    -------
    float
        f'(x)。多くの場合float64の精度いっぱいまで正しい。

    Raises
    ------
    TypeError
        fが複素数を受け取らないとき(Python自身のエラー)。

    Notes
    -----
    `abs`のように正則でない関数では正しい値にならない。fを1回計算する。

    References
    ----------
    W. Squire and G. Trapp, "Using Complex Variables to Estimate Derivatives of Real
    Functions", SIAM Review 40(1), 1998.

    Examples
    --------
    >>> import cmath
    >>> complex_step(cmath.exp, 1.0)
    2.718281828459045
    """
    return f(complex(x, h)).imag / h


def gradient(f: Callable[[Any], Any], xs: Any, h: float = 1e-6, method: Method = "forward") -> Any:
    """1つの数を返す関数の勾配を、変数を1つずつ動かして近似する。

    Parameters
    ----------
    f : callable
        `xs`と同じ形のものを受け取り、1つの数(または0次元のTensor)を返す関数。
    xs : float, list, tuple, Tensorまたはndarray
        勾配を求める点。listは入れ子でもよい。
    h : float
        刻み幅。
    method : {"forward", "central", "complex"}
        前進差分、中心差分、複素ステップ法のどれを使うか。"complex"はfloatとそのlistだけ。

    Returns
    -------
    xsと同じ形
        各変数の偏微分係数。tupleにはlist、Tensorとndarrayには同じdtypeのものを返す。

    Raises
    ------
    ValueError
        `method`が知らない名前のとき。
    TypeError
        整数のTensorやndarrayを渡したとき。Tensorやndarrayに"complex"を使ったとき。

    Notes
    -----
    変数がn個なら、fを計算する回数は"forward"がn+1回(もとの点の値を使い回す)、
    "central"が2n回、"complex"がn回。

    References
    ----------
    「数値微分」の章。

    Examples
    --------
    >>> f = CountCalls(lambda xs: xs[0] ** 2 + 3 * xs[1])
    >>> [round(partial, 4) for partial in gradient(f, [2.0, 5.0])]
    [4.0, 3.0]
    >>> f.calls
    3
    """
    if method not in _METHODS:
        known = "、".join(f'"{name}"' for name in _METHODS)
        raise ValueError(f"methodには{known}のどれかを指定してください(渡された値: {method!r})")
    values = xs.tolist() if hasattr(xs, "tolist") else xs
    if values is not xs:
        _require_steps_possible(values, method)
    same_kind = _constructor_like(xs)

    def f_of_values(shifted: Any) -> Any:
        return _python_number(f(same_kind(shifted)))

    partial = _METHODS[method](f_of_values, values, h)
    return same_kind(_map_paths(values, partial))


class CountCalls(Generic[P, R]):
    """関数を包み、何回計算されたかを数える。

    Parameters
    ----------
    f : callable
        数えたい関数。引数と戻り値はそのまま通す。

    Attributes
    ----------
    calls : int
        これまでに計算した回数。0を代入すれば数え直せる。

    References
    ----------
    「数値微分」の章。

    Examples
    --------
    >>> square = CountCalls(lambda x: x**2)
    >>> central_diff(square, 3.0, h=0.5)
    6.0
    >>> square.calls
    2
    """

    def __init__(self, f: Callable[P, R]) -> None:
        self.f = f
        self.calls = 0

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        self.calls += 1
        return self.f(*args, **kwargs)


def _forward(f: Callable[[Any], Any], values: Any, h: float) -> Callable[[Path], Any]:
    f_x = f(values)
    return lambda path: (f(_shifted(values, path, h)) - f_x) / h


def _central(f: Callable[[Any], Any], values: Any, h: float) -> Callable[[Path], Any]:
    return lambda path: (f(_shifted(values, path, h)) - f(_shifted(values, path, -h))) / (2 * h)


def _complex(f: Callable[[Any], Any], values: Any, h: float) -> Callable[[Path], Any]:
    return lambda path: f(_shifted(values, path, complex(0, h))).imag / h


_METHODS: dict[str, Callable[[Callable[[Any], Any], Any, float], Callable[[Path], Any]]] = {
    "forward": _forward,
    "central": _central,
    "complex": _complex,
}


def _map_paths(values: Any, function: Callable[[Path], Any], path: Path = ()) -> Any:
    """入れ子のlistの各要素を、その場所(path)にfunctionを使った値で置きかえる。"""
    if isinstance(values, list | tuple):
        return [_map_paths(value, function, (*path, i)) for i, value in enumerate(values)]
    return function(path)


def _shifted(values: Any, path: Path, step: Any) -> Any:
    """valuesのpathの場所だけをstepずらした写し。"""
    if not path:
        return values + step
    first, *rest = path
    moved = _shifted(values[first], tuple(rest), step)
    return type(values)([*values[:first], moved, *values[first + 1 :]])


def _require_steps_possible(values: Any, method: Method) -> None:
    """要素を少しだけ動かせないTensorやndarrayを断る。"""
    if method == "complex":
        raise TypeError(
            'method="complex"が使えるのはfloatとそのlistだけです。.tolist()で直してください'
        )
    number = values
    while isinstance(number, list) and number:
        number = number[0]
    if isinstance(number, int):
        raise TypeError("整数の要素は少しだけ動かすことができません。浮動小数点数で作ってください")


def _constructor_like(xs: Any) -> Callable[[Any], Any]:
    """入れ子のlistを、xsと同じ種類・同じdtypeのものに直す関数。"""
    if hasattr(xs, "new_tensor"):  # torchとbibunのTensor
        return xs.new_tensor  # type: ignore[no-any-return]
    if hasattr(xs, "__array__"):
        import numpy as np

        return lambda values: np.asarray(values, dtype=xs.dtype)
    return lambda values: values


def _python_number(value: Any) -> Any:
    """0次元のTensorやndarrayをPythonの数に直す(1要素でなければtorchやNumPyが断る)。"""
    return value.item() if hasattr(value, "item") else value
