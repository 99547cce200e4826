"""例外の文面. torchに同じ誤りがあるものは、torch 2.13の文面そのままにする。

どの関数も例外を「作って返す」だけで、投げるのは呼んだ側である。文面が1か所に並ぶので、torchの版が上がって
言い回しが変わったときは、この部屋だけを直せばよい。

Examples
--------
>>> str(implicit_gradient_of_non_scalar())
'grad can be implicitly created only for scalar outputs'
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

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


# --- 勾配をもてるか ---------------------------------------------------------------------------


def constructor_needs_floating_point() -> RuntimeError:
    return RuntimeError("Only Tensors of floating point and complex dtype can require gradients")


def setter_needs_floating_point() -> RuntimeError:
    return RuntimeError("only Tensors of floating point and complex dtype can require gradients")


def method_needs_floating_point() -> RuntimeError:
    return RuntimeError("only Tensors of floating point dtype can require gradients")


def flag_of_non_leaf() -> RuntimeError:
    return RuntimeError(
        "you can only change requires_grad flags of leaf variables. If you want to use a computed "
        "variable in a subgraph that doesn't require differentiation use var_no_grad = "
        "var.detach()."
    )


def not_writable(attribute: str) -> AttributeError:
    return AttributeError(
        f"attribute '{attribute}' of 'torch._C.TensorBase' objects is not writable"
    )


def wrong_grad_type(value: object) -> TypeError:
    return TypeError(
        f"assigned grad expected to be a Tensor or None but got grad of type {type(value).__name__}"
    )


def wrong_grad_shape(grad: Sequence[int], tensor: Sequence[int]) -> RuntimeError:
    return RuntimeError(
        f"attempting to assign a gradient of size '{list(grad)}' to a tensor of size "
        f"'{list(tensor)}'. Please ensure that the gradient and the tensor are the same size"
    )


def wrong_grad_dtype(grad: str, tensor: str) -> RuntimeError:
    names = {"Long": "long int", "Float": "float", "Double": "double", "Bool": "bool"}
    return RuntimeError(
        f"attempting to assign a gradient with dtype '{names[grad]}' to a tensor with grad_dtype "
        f"'{tensor}'. The gradient must match the tensor's grad_dtype (defaults to the tensor's "
        "dtype). You can set the tensor's grad_dtype attribute with a specific dtype, or None to "
        "allow any dtype. Set grad_dtype with caution. Diverging the dtypes of a tensor and its "
        "gradient may break downstream systems that assume they match."
    )


def data_must_be_tensor(value: object) -> TypeError:
    return TypeError(f"Variable data has to be a tensor, but got {type(value).__name__}")


def retain_grad_without_grad() -> RuntimeError:
    return RuntimeError("can't retain_grad on Tensor that has requires_grad=False")


def hook_without_grad() -> RuntimeError:
    return RuntimeError("cannot register a hook on a tensor that doesn't require gradient")


def deepcopy_of_non_leaf() -> RuntimeError:
    return RuntimeError(
        "Only Tensors created explicitly by the user (graph leaves) support the deepcopy protocol "
        "at the moment.  If you were attempting to deepcopy a module, this may be because of a "
        "torch.nn.utils.weight_norm usage, see https://github.com/pytorch/pytorch/pull/103001"
    )


# --- 逆伝播 -----------------------------------------------------------------------------------


def implicit_gradient_of_non_scalar() -> RuntimeError:
    return RuntimeError("grad can be implicitly created only for scalar outputs")


def implicit_gradient_of_integer(legacy_name: str) -> RuntimeError:
    return RuntimeError(
        "grad can be implicitly created only for real scalar outputs but got " + legacy_name
    )


def output_without_grad(index: int) -> RuntimeError:
    return RuntimeError(
        f"element {index} of tensors does not require grad and does not have a grad_fn"
    )


def wrong_gradient_shape(index: int, grad: Sequence[int], output: Sequence[int]) -> RuntimeError:
    return RuntimeError(
        f"Mismatch in shape: grad_output[{index}] has a shape of torch.Size({list(grad)}) and "
        f"output[{index}] has a shape of torch.Size({list(output)})."
    )


def wrong_gradient_type(value: object) -> TypeError:
    return TypeError(f"gradients can be either Tensors or None, but got {type(value).__name__}")


def graph_already_freed() -> RuntimeError:
    return RuntimeError(
        "Trying to backward through the graph a second time (or directly access saved tensors "
        "after they have already been freed). Saved intermediate values of the graph are freed "
        "when you call .backward() or autograd.grad(). Specify retain_graph=True if you need to "
        "backward through the graph a second time or if you need to access saved tensors after "
        "calling backward."
    )


def modified_in_place(
    legacy_name: str, shape: Sequence[int], origin: str, version: int, expected: int
) -> RuntimeError:
    return RuntimeError(
        "one of the variables needed for gradient computation has been modified by an inplace "
        f"operation: [torch.{legacy_name}Tensor {list(shape)}]{origin} is at version {version}; "
        f"expected version {expected} instead. Hint: enable anomaly detection to find the "
        "operation that failed to compute its gradient, with "
        "torch.autograd.set_detect_anomaly(True, check_nan=False)."
    )


def wrong_rule_shape(
    node: str, index: int, grad: Sequence[int], expected: Sequence[int]
) -> RuntimeError:
    return RuntimeError(
        f"Function {node} returned an invalid gradient at index {index} - got {list(grad)} but "
        f"expected shape compatible with {list(expected)}"
    )


def input_not_used(index: int) -> RuntimeError:
    return RuntimeError(
        f"The differentiated Tensor at index {index} appears to not have been used in the graph. "
        "Set allow_unused=True if this is the desired behavior."
    )


def input_without_grad() -> RuntimeError:
    return RuntimeError("One of the differentiated Tensors does not require grad")


def not_differentiable(name: str) -> RuntimeError:
    return RuntimeError(f"derivative for aten::{name} is not implemented")


# --- その場での書き換え -----------------------------------------------------------------------


def in_place_on_leaf() -> RuntimeError:
    return RuntimeError(
        "a leaf Variable that requires grad is being used in an in-place operation."
    )


def in_place_on_view_of_leaf() -> RuntimeError:
    return RuntimeError(
        "a view of a leaf Variable that requires grad is being used in an in-place operation."
    )


def in_place_changes_dtype(result: str, output: str) -> RuntimeError:
    return RuntimeError(f"result type {result} can't be cast to the desired output type {output}")


def in_place_changes_shape(output: Sequence[int], result: Sequence[int]) -> RuntimeError:
    return RuntimeError(
        f"output with shape {list(output)} doesn't match the broadcast shape {list(result)}"
    )


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
    return NotImplementedError("\"pow\" not implemented for 'Bool'")


def empty_random_range(low: int, high: int) -> RuntimeError:
    return RuntimeError(
        f"random_ expects 'from' to be less than 'to', but got from={low} >= to={high}"
    )


# --- 形と次元 ---------------------------------------------------------------------------------


def sizes_do_not_match(a: int, b: int, dim: int) -> RuntimeError:
    return RuntimeError(
        f"The size of tensor a ({a}) must match the size of tensor b ({b}) at non-singleton "
        f"dimension {dim}"
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


def too_few_sizes_to_assign(value: Sequence[int], target: Sequence[int]) -> RuntimeError:
    return RuntimeError(
        f"The expanded size of the tensor ({list(target)}) must match the existing size "
        f"({list(value)})"
    )


def cannot_expand(
    target: int, existing: int, dim: int, targets: Sequence[int], sizes: Sequence[int]
) -> RuntimeError:
    return RuntimeError(
        f"The expanded size of the tensor ({target}) must match the existing size ({existing}) at "
        f"non-singleton dimension {dim}.  Target sizes: {list(targets)}.  "
        f"Tensor sizes: {list(sizes)}"
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


def shape_mismatch_in_assignment(value: Sequence[int], target: Sequence[int]) -> RuntimeError:
    return RuntimeError(
        f"shape mismatch: value tensor of shape {list(value)} cannot be broadcast to indexing "
        f"result of shape {list(target)}"
    )


def invalid_index(value: object) -> IndexError:
    return IndexError(
        "only integers, slices (`:`), ellipsis (`...`), None and long or byte Variables are valid "
        f"indices (got {type(value).__name__})"
    )


# --- 真偽の計算 -------------------------------------------------------------------------------


def subtraction_of_bool() -> RuntimeError:
    return RuntimeError(
        "Subtraction, the `-` operator, with two bool tensors is not supported. Use the `^` or "
        "`logical_xor()` operator instead."
    )


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


def no_gpu() -> AssertionError:
    return AssertionError("Torch not compiled with CUDA enabled")


# --- 警告 -------------------------------------------------------------------------------------

_warned: set[str] = set()


def warn_once(message: str, stacklevel: int) -> None:
    """torchがプロセスで1度しか出さない警告を、同じように1度だけ出す。"""
    if message not in _warned:
        _warned.add(message)
        warnings.warn(message, UserWarning, stacklevel=stacklevel)


SCALAR_CONVERSION_WARNING = (
    "Converting a tensor with requires_grad=True to a scalar may lead to unexpected behavior.\n"
    "Consider using tensor.detach() first."
)

NON_LEAF_GRAD_WARNING = (
    "The .grad attribute of a Tensor that is not a leaf Tensor is being accessed. Its .grad "
    "attribute won't be populated during autograd.backward(). If you indeed want the .grad field "
    "to be populated for a non-leaf Tensor, use .retain_grad() on the non-leaf Tensor. If you "
    "access the non-leaf Tensor by mistake, make sure you access the leaf Tensor instead. See "
    "github.com/pytorch/pytorch/pull/30531 for more information."
)

CREATE_GRAPH_WARNING = (
    "Using backward() with create_graph=True will create a reference cycle between the parameter "
    "and its gradient which can cause a memory leak. We recommend using autograd.grad when "
    "creating the graph to avoid this. If you have to use this function, make sure to reset the "
    ".grad fields of your parameters to None after use to break the cycle and avoid the leak."
)

T_WARNING = (
    "The use of `x.T` on tensors of dimension other than 2 to reverse their shape is deprecated "
    "and it will throw an error in a future release. Consider `x.mT` to transpose batches of "
    "matrices or `x.permute(*torch.arange(x.ndim - 1, -1, -1))` to reverse the dimensions of a "
    "tensor."
)

COPY_CONSTRUCT_WARNING = (
    "To copy construct from a tensor, it is recommended to use sourceTensor.detach().clone() or "
    "sourceTensor.detach().clone().requires_grad_(True), rather than torch.tensor(sourceTensor)."
)
