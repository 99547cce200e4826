"""形と次元、添字についての、例外の文面。"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

# --- 形と次元 ---------------------------------------------------------------------------------


def sizes_do_not_match(a: int, b: int, dim: int) -> RuntimeError:
    return RuntimeError(
        f"The size of tensor a ({a}) must match the size of tensor b ({b}) at non-singleton "
        f"dimension {dim}"
    )


def negative_size(function: str, sizes: Sequence[int]) -> RuntimeError:
    if function == "zeros":
        return RuntimeError("zeros: Dimension size must be non-negative.")
    first = next(size for size in sizes if size < 0)
    return RuntimeError(f"Trying to create tensor with negative dimension {first}: {list(sizes)}")


def not_integers(
    function: str, argument: str, position: int, values: Sequence[Any], index: int
) -> TypeError:
    """大きさや次元の番号を並べた引数の、`index`番目が整数でないとき。"""
    packed = len(values) == 1 and isinstance(values[0], (tuple, list))
    kind = type((values[0] if packed else values)[index]).__name__
    if index:
        return TypeError(
            f"{function}(): argument '{argument}' failed to unpack the object at pos {index + 1} "
            f'with error "type must be tuple of ints,but got {kind}"'
        )
    if len(values) > 1:
        return TypeError(f"{function}() takes 1 positional argument but {len(values)} were given")
    found = f", but found element of type {kind} at pos 0" if packed else f", not {kind}"
    return TypeError(
        f"{function}(): argument '{argument}' (position {position}) must be tuple of ints{found}"
    )


def dimension_out_of_range(dim: int, span: int) -> IndexError:
    return IndexError(
        f"Dimension out of range (expected to be in range of [{-span}, {span - 1}], but got {dim})"
    )


def repeated_dimension(dim: int) -> RuntimeError:
    return RuntimeError(f"dim {dim} appears multiple times in the list of dims")


def invalid_shape(shape: Sequence[int], count: int) -> RuntimeError:
    return RuntimeError(f"shape '{list(shape)}' is invalid for input of size {count}")


def not_viewable() -> RuntimeError:
    return RuntimeError(
        "view size is not compatible with input tensor's size and stride (at least one dimension "
        "spans across two contiguous subspaces). Use .reshape(...) instead."
    )


def cannot_expand(
    target: int, existing: int, dim: int, targets: Sequence[int], sizes: Sequence[int]
) -> RuntimeError:
    return RuntimeError(
        f"The expanded size of the tensor ({target}) must match the existing size ({existing}) at "
        f"non-singleton dimension {dim}.  Target sizes: {list(targets)}.  "
        f"Tensor sizes: {list(sizes)}"
    )


def cannot_expand_leading(size: int, dim: int) -> RuntimeError:
    return RuntimeError(
        f"The expanded size of the tensor ({size}) isn't allowed in a leading, non-existing "
        f"dimension {dim}"
    )


def wrong_permutation(rank: int, count: int) -> RuntimeError:
    return RuntimeError(
        "permute(sparse_coo): number of dimensions in the tensor input does not match the length "
        f"of the desired ordering of dimensions i.e. input.dim() = {rank} is not equal to "
        f"len(dims) = {count}"
    )


def duplicate_permutation() -> RuntimeError:
    return RuntimeError("permute(): duplicate dims are not allowed.")


def t_of_many_dimensions(rank: int) -> RuntimeError:
    return RuntimeError(f"t() expects a tensor with <= 2 dimensions, but self is {rank}D")


def matrix_transpose_needs_matrix(rank: int) -> RuntimeError:
    return RuntimeError(
        f"tensor.mT is only supported on matrices or batches of matrices. Got {rank}-D tensor."
    )


def too_few_sizes(tensor: Any, sizes: Sequence[int]) -> RuntimeError:
    return RuntimeError(
        f"expand(torch.{tensor.dtype.legacy_name}Tensor{{{list(tensor.shape)}}}, "
        f"size={list(sizes)}): the number of sizes provided ({len(sizes)}) must be greater or "
        f"equal to the number of dimensions in the tensor ({tensor.ndim})"
    )


def not_a_tensor_in_list(index: int, value: object) -> TypeError:
    return TypeError(
        f"expected Tensor as element {index} in argument 0, but got {type(value).__name__}"
    )


def cat_needs_same_rank(first: int, other: int) -> RuntimeError:
    return RuntimeError(f"Tensors must have same number of dimensions: got {first} and {other}")


def cat_sizes_do_not_match(dim: int, expected: int, got: int, index: int) -> RuntimeError:
    return RuntimeError(
        f"Sizes of tensors must match except in dimension {dim}. Expected size {expected} but got "
        f"size {got} for tensor number {index} in the list."
    )


def stack_sizes_differ(first: Sequence[int], other: Sequence[int], index: int) -> RuntimeError:
    return RuntimeError(
        f"stack expects each tensor to be equal size, but got {list(first)} at entry 0 and "
        f"{list(other)} at entry {index}"
    )


def where_needs_bool(legacy_name: str) -> RuntimeError:
    return RuntimeError(
        "where expected condition to be a boolean tensor, but got a tensor with dtype "
        + legacy_name
    )


def mean_of_integers(which: str, legacy_name: str) -> RuntimeError:
    return RuntimeError(
        f"mean(): could not infer output dtype. {which} dtype must be either a floating point or "
        f"complex dtype. Got: {legacy_name}"
    )


def reduction_of_nothing(function: str, kind: type[Exception]) -> Exception:
    hint = " Specify the reduction dim with the 'dim' argument." if kind is RuntimeError else ""
    return kind(f"{function}: Expected reduction dim to be specified for input.numel() == 0.{hint}")


def dot_needs_vectors(a: int, b: int) -> RuntimeError:
    return RuntimeError(f"1D tensors expected, but got {a}D and {b}D tensors")


def dot_needs_same_dtype(a: str, b: str) -> RuntimeError:
    return RuntimeError(f"dot : expected both vectors to have same dtype, but found {a} and {b}")


def dot_needs_same_length(a: int, b: int) -> RuntimeError:
    return RuntimeError(
        f"inconsistent tensor size, expected tensor [{a}] and src [{b}] to have the same number "
        f"of elements, but got {a} and {b} elements respectively"
    )


def mv_needs_matrix_and_vector(a: int, b: int) -> RuntimeError:
    return RuntimeError(f"vector + matrix @ vector expected, got 1, {a}, {b}")


def mv_needs_same_dtype(matrix: str, vector: str) -> RuntimeError:
    return RuntimeError(
        f"addmv input tensors must have the same dtype, but got {vector}, {matrix}, and {vector}"
    )


def mv_sizes_do_not_match(matrix: Sequence[int], vector: int) -> RuntimeError:
    return RuntimeError(
        f"size mismatch, got input ({matrix[0]}), mat ({matrix[0]}x{matrix[1]}), vec ({vector})"
    )


def mm_needs_matrix(name: str) -> RuntimeError:
    return RuntimeError(f"{name} must be a matrix")


def mm_needs_same_dtype(a: Any, b: Any) -> RuntimeError:
    names = {"float32": "float", "float64": "double", "int64": "long int", "bool": "bool"}
    return RuntimeError(
        f"expected m1 and m2 to have the same dtype, but got: {names[a.name]} != {names[b.name]}"
    )


def matmul_of_scalar(a: int, b: int) -> RuntimeError:
    return RuntimeError(
        f"both arguments to matmul need to be at least 1D, but they are {a}D and {b}D"
    )


def outer_needs_vectors(name: str, rank: int) -> RuntimeError:
    return RuntimeError(f"outer: Expected 1-D argument {name}, but got {rank}-D")


def isclose_needs_same_dtype(a: str, b: str) -> RuntimeError:
    return RuntimeError(f"{a} did not match {b}")


def cannot_multiply(a: Sequence[int], b: Sequence[int]) -> RuntimeError:
    return RuntimeError(
        f"mat1 and mat2 shapes cannot be multiplied ({a[0]}x{a[1]} and {b[0]}x{b[1]})"
    )


# --- 添字 -------------------------------------------------------------------------------------


def index_out_of_bounds(index: int, dim: int, size: int) -> IndexError:
    return IndexError(f"index {index} is out of bounds for dimension {dim} with size {size}")


def narrow_start_out_of_range(start: int, size: int) -> IndexError:
    return IndexError(
        f"start out of range (expected to be in range of [-{size}, {size}], but got {start})"
    )


def narrow_too_long(start: int, length: int, size: int) -> RuntimeError:
    return RuntimeError(f"start ({start}) + length ({length}) exceeds dimension size ({size}).")


def too_many_indices(rank: int) -> IndexError:
    return IndexError(f"too many indices for tensor of dimension {rank}")


def index_of_scalar() -> IndexError:
    return IndexError(
        "invalid index of a 0-dim tensor. Use `tensor.item()` in Python or `tensor.item<T>()` in "
        "C++ to convert a 0-dim tensor to a number"
    )


def indices_do_not_match(shapes: Sequence[Sequence[int]]) -> IndexError:
    listed = ", ".join(str(list(shape)) for shape in shapes)
    return IndexError(
        f"shape mismatch: indexing tensors could not be broadcast together with shapes {listed}"
    )


def float_tensor_index() -> IndexError:
    return IndexError("tensors used as indices must be long, int, byte or bool tensors")


def mask_does_not_match(mask: Sequence[int], shape: Sequence[int], dim: int) -> IndexError:
    wrong = next(
        (i for i, size in enumerate(mask) if dim + i >= len(shape) or shape[dim + i] != size), 0
    )
    return IndexError(
        f"The shape of the mask {list(mask)} at index {wrong} does not match the shape of the "
        f"indexed tensor {list(shape)} at index {dim + wrong}"
    )


def cannot_assign(value: object, legacy_name: str) -> TypeError:
    kind = type(value)
    name = kind.__name__ if kind.__module__ != "numpy" else f"numpy.{kind.__name__}"
    return TypeError(f"can't assign a {name} to a torch.{legacy_name}Tensor")


def shape_mismatch_in_assignment(value: Sequence[int], target: Sequence[int]) -> RuntimeError:
    return RuntimeError(
        f"shape mismatch: value tensor of shape {list(value)} cannot be broadcast to indexing "
        f"result of shape {list(target)}"
    )


def dtypes_do_not_match(target: str, value: str) -> RuntimeError:
    return RuntimeError(
        "Index put requires the source and destination dtypes match, got "
        f"{target} for the destination and {value} for the source."
    )


def invalid_index(value: object) -> IndexError:
    return IndexError(
        "only integers, slices (`:`), ellipsis (`...`), None and long or byte Variables are valid "
        f"indices (got {type(value).__name__})"
    )
