"""Pythonの数や型との橋渡し、真偽の計算、最適化についての、例外の文面。"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

# --- Pythonの数や型との橋渡し -----------------------------------------------------------------


def numpy_of_grad() -> RuntimeError:
    return RuntimeError(
        "Can't call numpy() on Tensor that requires grad. Use tensor.detach().numpy() instead."
    )


def many_elements_to_number(count: int) -> RuntimeError:
    return RuntimeError(f"a Tensor with {count} elements cannot be converted to Scalar")


def not_one_element() -> ValueError:
    return ValueError("only one element tensors can be converted to Python scalars")


def not_an_index() -> TypeError:
    return TypeError("only integer tensors of a single element can be converted to an index")


def ambiguous_truth() -> RuntimeError:
    return RuntimeError("Boolean value of Tensor with more than one value is ambiguous")


def empty_truth() -> RuntimeError:
    return RuntimeError("Boolean value of Tensor with no values is ambiguous")


def unsupported_format() -> TypeError:
    return TypeError("unsupported format string passed to Tensor.__format__")


def must_be_tensor(function: str, argument: str, position: int, value: object) -> TypeError:
    return TypeError(
        f"{function}(): argument '{argument}' (position {position}) must be Tensor, "
        f"not {type(value).__name__}"
    )


def must_be(function: str, argument: str, kind: str, value: object) -> TypeError:
    return TypeError(f"{function}(): argument '{argument}' must be {kind}, not {_kind(value)}")


def must_be_at(function: str, argument: str, position: int, kind: str, value: object) -> TypeError:
    return TypeError(
        f"{function}(): argument '{argument}' (position {position}) must be {kind}, "
        f"not {_kind(value)}"
    )


def missing_argument(function: str, argument: str) -> TypeError:
    return TypeError(f'{function}() missing 1 required positional arguments: "{argument}"')


def invalid_arguments(function: str, values: Sequence[Any]) -> TypeError:
    """torchはこのあとに受け付ける型の一覧を続ける。一覧は長く、版ごとに変わるので、ここでは1行目だけにする。"""
    kinds = ", ".join(_kind(value) for value in values)
    return TypeError(f"{function}() received an invalid combination of arguments - got ({kinds})")


def _kind(value: object) -> str:
    if isinstance(value, (list, tuple)):
        inner = ", ".join(_kind(item) for item in value)
        tail = "," if isinstance(value, tuple) and len(value) == 1 else ""
        return f"{type(value).__name__} of ({inner}{tail})"
    return type(value).__name__


def invalid_data_type(value: object) -> TypeError:
    return TypeError(f"new(): invalid data type '{type(value).__name__}'")


def unknown_data_type(value: object) -> RuntimeError:
    return RuntimeError(f"Could not infer dtype of {type(value).__name__}")


def not_a_number(value: object) -> TypeError:
    return TypeError(f"must be real number, not {type(value).__name__}")


def ragged_sequence(expected: int, depth: int, got: int) -> ValueError:
    return ValueError(f"expected sequence of length {expected} at dim {depth} (got {got})")


def linspace_needs_scalars(start: int, end: int) -> RuntimeError:
    return RuntimeError(
        "linspace only supports 0-dimensional start and end tensors, but got start with "
        f"{start} dimension(s) and end with {end} dimension(s)."
    )


def meshgrid_needs_same_dtype() -> RuntimeError:
    return RuntimeError("meshgrid expects all tensors to have the same dtype")


def power_of_bool() -> NotImplementedError:
    return not_implemented_for("pow", "Bool")


def not_implemented_for(kernel: str, legacy_name: str) -> NotImplementedError:
    return NotImplementedError(f"\"{kernel}\" not implemented for '{legacy_name}'")


def empty_random_range(low: int, high: int) -> RuntimeError:
    return RuntimeError(
        f"random_ expects 'from' to be less than 'to', but got from={low} >= to={high}"
    )


# --- 真偽の計算 -------------------------------------------------------------------------------


def subtraction_of_bool() -> RuntimeError:
    return RuntimeError(
        "Subtraction, the `-` operator, with two bool tensors is not supported. Use the `^` or "
        "`logical_xor()` operator instead."
    )


def inversion_of_floating_point() -> TypeError:
    return TypeError("~ (operator.invert) is only implemented on integer and Boolean-type tensors")


def negation_of_bool() -> RuntimeError:
    return RuntimeError(
        "Negation, the `-` operator, on a bool tensor is not supported. If you are trying to "
        "invert a mask, use the `~` or `logical_not()` operator instead."
    )


# --- 最適化 -----------------------------------------------------------------------------------


def params_must_be_iterable(kind: str) -> TypeError:
    return TypeError(
        "params argument given to the optimizer should be an iterable of Tensors or dicts, but "
        f"got {kind}"
    )


def can_only_optimize_tensors(value: object) -> TypeError:
    return TypeError(f"optimizer can only optimize Tensors, but one of the params is {type(value)}")


def invalid_device(device: str) -> RuntimeError:
    return RuntimeError(f"Invalid device string: '{device}'")


def no_gpu() -> AssertionError:
    return AssertionError("Torch not compiled with CUDA enabled")
