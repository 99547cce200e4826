"""勾配をもてるか、逆伝播、その場での書き換えについての、例外の文面。"""

from __future__ import annotations

from collections.abc import Sequence

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


def hook_returned(kind: str) -> TypeError:
    return TypeError(f"expected Variable, but hook returned '{kind}'")


def hook_changed_dtype(hook: str, before: str, after: str) -> RuntimeError:
    return RuntimeError(
        f"hook '{hook}' has changed the type of value (was torch.{before}Tensor got "
        f"torch.{after}Tensor)"
    )


def hook_changed_shape(hook: str) -> RuntimeError:
    return RuntimeError(f"hook '{hook}' has changed the size of value")


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


def restricted_view(output: str, indirect: bool, several: bool) -> RuntimeError:
    modified = "its base or another view of its base has been" if indirect else "is being"
    advice = (
        "This view is the output of a function that returns multiple views. Such functions do not "
        "allow the output views to be modified inplace. You should replace the inplace operation "
        "by an out-of-place one."
        if several
        else "Given that this use case is ambiguous and error-prone, it is forbidden. You can "
        "clarify your code by moving both the view and the inplace either both inside the no_grad "
        "block (if you don't want the inplace to be tracked) or both outside (if you want the "
        "inplace to be tracked)."
    )
    if output:
        return RuntimeError(f"{output} is a view and {modified} modified inplace. {advice}")
    return RuntimeError(
        f"A view was created in no_grad mode and {modified} modified inplace with grad mode "
        f"enabled. {advice}"
    )


def overlapping_target() -> RuntimeError:
    return RuntimeError(
        "unsupported operation: more than one element of the written-to tensor refers to a single "
        "memory location. Please clone() the tensor before performing the operation."
    )


def input_shares_memory() -> RuntimeError:
    return RuntimeError(
        "unsupported operation: some elements of the input tensor and the written-to tensor refer "
        "to a single memory location. Please clone() the tensor before performing the operation."
    )


def fill_needs_scalar(rank: int) -> RuntimeError:
    return RuntimeError(
        f"fill_ only supports 0-dimension value tensor but got tensor with {rank} dimensions."
    )


def detach_in_place_of_view() -> RuntimeError:
    return RuntimeError(
        "Can't detach views in-place. Use detach() instead. If you are using "
        "DistributedDataParallel (DDP) for training, and gradient_as_bucket_view is set as True, "
        "gradients are views of DDP buckets, and hence detach_() cannot be called on these "
        "gradients. To fix this error, please refer to the Optimizer.zero_grad() function in "
        "torch/optim/optimizer.py as the solution."
    )


def in_place_changes_dtype(result: str, output: str) -> RuntimeError:
    return RuntimeError(f"result type {result} can't be cast to the desired output type {output}")


def in_place_changes_shape(output: Sequence[int], result: Sequence[int]) -> RuntimeError:
    return RuntimeError(
        f"output with shape {list(output)} doesn't match the broadcast shape {list(result)}"
    )
