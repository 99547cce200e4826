"""ボックス=ミュラー法を、PyTorchのfloat32の計算とビットまで同じに行う。

PyTorchは16個以上のfloat32の正規乱数を、logとsin・cosの近似多項式(Cephes由来)で求める。
どの演算もfloat32で行われ、積と和は1回の丸めで済む積和演算(FMA)になる。Pythonの`math`で
計算すると最後のビットが合わないので、同じ多項式を同じ丸めでたどる。合わせる相手は、AVX2が使える
x86のCPUでのPyTorch(そうでないCPUでは、PyTorchどうしでも最後のビットが違う)。
"""

from __future__ import annotations

import math

from bibun.dtypes import round_to_float32

__all__ = ["normals_float32"]

# 係数はCephesのlogf、sinf、cosfのもの。float32に丸めて使う。
LOG_POLYNOMIAL = tuple(
    map(
        round_to_float32,
        (
            7.0376836292e-2,
            -1.1514610310e-1,
            1.1676998740e-1,
            -1.2420140846e-1,
            1.4249322787e-1,
            -1.6668057665e-1,
            2.0000714765e-1,
            -2.4999993993e-1,
            3.3333331174e-1,
        ),
    )
)
SIN_POLYNOMIAL = tuple(map(round_to_float32, (-1.9515295891e-4, 8.3321608736e-3, -1.6666654611e-1)))
COS_POLYNOMIAL = tuple(
    map(round_to_float32, (2.443315711809948e-5, -1.388731625493765e-3, 4.166664568298827e-2))
)
SQRT_HALF = round_to_float32(math.sqrt(0.5))
TWO_PI = round_to_float32(2 * math.pi)
FOUR_OVER_PI = round_to_float32(4 / math.pi)
# log 2と π/4は、大きい桁と小さい桁に分けて持つ(和をとるときに桁が落ちないように)
LOG2_HIGH, LOG2_LOW = 0.693359375, round_to_float32(-2.12194440e-4)
PI_OVER_4 = (
    0.78515625,
    round_to_float32(2.4187564849853515625e-4),
    round_to_float32(3.77489497744594108e-8),
)


def normals_float32(uniforms: list[float]) -> list[float]:
    """一様乱数16個を正規乱数16個に変える。

    Parameters
    ----------
    uniforms : list of float
        0以上1未満のfloat32の値16個。前半は動径、後半は偏角に使う。

    Returns
    -------
    list of float
        float32の正規乱数16個。

    References
    ----------
    PyTorchの`normal_fill_AVX2`。S. L. Moshier, Cephes Mathematical Library。

    Examples
    --------
    >>> normals_float32([0.0] * 8 + [0.25] * 8)[:2]
    [0.0, 0.0]
    """
    cosines, sines = [], []
    for u, v in zip(uniforms[:8], uniforms[8:], strict=True):
        radius = round_to_float32(math.sqrt(round_to_float32(-2 * _log(1 - u))))
        sine, cosine = _sin_and_cos(round_to_float32(TWO_PI * v))
        cosines.append(round_to_float32(radius * cosine))
        sines.append(round_to_float32(radius * sine))
    return cosines + sines


def _log(x: float) -> float:
    """float32の自然対数。x = m·2ᵉ と分け、mを1の近くにとって多項式で求める。"""
    m, e = math.frexp(x)
    if m < SQRT_HALF:
        m, e = 2 * m, e - 1
    t = m - 1
    z = round_to_float32(t * t)
    y = round_to_float32(_polynomial(LOG_POLYNOMIAL, t) * t)
    y = _multiply_add(y, z, round_to_float32(e * LOG2_LOW))
    y = _multiply_add(-0.5, z, y)
    return _multiply_add(e, LOG2_HIGH, round_to_float32(t + y))


def _sin_and_cos(x: float) -> tuple[float, float]:
    """float32のsin xとcos x(x ≥ 0)。π/4以下の角に直し、何番目の象限かで入れかえる。"""
    octant = int(round_to_float32(x * FOUR_OVER_PI)) + 1 & ~1
    for part in PI_OVER_4:
        x = _multiply_add(-octant, part, x)
    z = round_to_float32(x * x)
    sine = _multiply_add(round_to_float32(_polynomial(SIN_POLYNOMIAL, z) * z), x, x)
    tail = round_to_float32(_polynomial(COS_POLYNOMIAL, z) * z)
    cosine = round_to_float32(1 + _multiply_add(tail, z, -0.5 * z))
    quadrants = ((sine, cosine), (cosine, -sine), (-sine, -cosine), (-cosine, sine))
    return quadrants[octant // 2 % 4]


def _polynomial(coefficients: tuple[float, ...], x: float) -> float:
    """ホーナー法。係数は次数の高い順。"""
    value = coefficients[0]
    for coefficient in coefficients[1:]:
        value = _multiply_add(value, x, coefficient)
    return value


def _multiply_add(a: float, b: float, c: float) -> float:
    """float32の積和ab + cを、1回だけ丸めて求める。

    積abは倍精度で正確に表せる。和の丸め誤差も正確にわかるので、誤差があれば和の最後のビットを
    奇数にしておく(奇数丸め)。こうすると、続くfloat32への丸めが二重丸めにならない
    (S. Boldo and G. Melquiond, "Emulation of a FMA and Correctly-Rounded Sums", 2008)。
    """
    product = a * b
    total = product + c
    c_part = total - product
    error = (product - (total - c_part)) + (c - c_part)
    if error and int(math.frexp(total)[0] * 2.0**53) % 2 == 0:
        total = math.nextafter(total, math.copysign(math.inf, error))
    return round_to_float32(total)
