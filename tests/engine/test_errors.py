"""学生がしうる誤りの、例外の種類と文面がtorchと同じであること."""

from __future__ import annotations

import subprocess
import sys

import pytest
from side_by_side import ENGINES, outcome

from bibun import errors

PROGRAMS = [
    "T=torch.tensor(3,requires_grad=True)",
    "torch.tensor(2.0, True)",
    "i.requires_grad_()",
    "i.requires_grad=True",
    "x.grad()",
    "v.backward()",
    "v.sum().backward(torch.tensor([1.,1.]))",
    "(v*2).backward(torch.tensor([1.,1.]))",
    "(v*2).backward(torch.tensor([1,1,1]))",
    "(v*2).backward([1.,1.,1.])",
    "c.sum().backward()",
    "c.backward()",
    "y=x*x; y.backward(); y.backward()",
    "x+=1",
    "x.add_(1)",
    "x.zero_()",
    "v[0]=1.",
    "v.mul_(2)",
    "y=v*2; y[0]=5.; r=y",
    "y=v.exp(); y.add_(1); y.sum().backward()",
    "y=v*v; v.data.add_(1); y.sum().backward()",
    "y=v.sin(); z=y*y; y+=1; z.sum().backward()",
    "v.numpy()",
    "import math; r=math.sin(x)",
    "import math; r=math.sin(v)",
    "float(v)",
    "int(v)",
    "bool(v)",
    "if v: pass",
    "v.item()",
    "r=x.item()",
    "r=float(x)",
    "y=x*2; r=y.grad",
    "y=x*2; y.grad=None; r=y.grad",
    "y=x*2; y.grad=torch.tensor(1.); r=y.grad",
    "m@m",
    "m.mv(torch.tensor([1.,2.]))",
    "m.mm(c)",
    "v.dot(m)",
    "torch.dot(v,torch.tensor([1.,2.]))",
    "torch.tensor([[1.,2.]])@torch.tensor([[1.,2.]])",
    "v+torch.tensor([1.,2.])",
    "m+torch.tensor([1.,2.])",
    "v.reshape(2,2)",
    "v.view(2,2)",
    "m.T.view(6)",
    "m.view(4,-1)",
    "torch.tensor([[1,2],[3]])",
    "torch.tensor('a')",
    "torch.tensor(None)",
    "torch.tensor([1,None])",
    "torch.tensor({})",
    "torch.sin(2.0)",
    "torch.sin()",
    "torch.sin([1.])",
    "torch.exp(2)",
    "v[3]",
    "v[0,0]",
    "v[-4]",
    "x[0]",
    "v[1.0]",
    "v[0:1:-1]",
    "len(x)",
    "for q in x: pass",
    "v.sum(1)",
    "v.sum(dim=-2)",
    "torch.cat([v,m])",
    "torch.cat([])",
    "torch.stack([v,m])",
    "torch.stack([])",
    "torch.zeros(2,requires_grad=True)+'a'",
    "x+'a'",
    "x+None",
    "x+[1]",
    "v*[1,2,3]",
    "[1,2,3]*v",
    "x**'a'",
    "'a'+x",
    "v.foo",
    "x.grad=1.0",
    "x.grad=torch.tensor([1.,2.])",
    "x.grad=torch.tensor(1)",
    "x.requires_grad=False; r=x",
    "y=x*2; y.requires_grad=False",
    "y=x*2; y.requires_grad_(False)",
    "y=x*2; y.detach_(); r=y",
    "torch.autograd.grad(x*2,v)",
    "torch.autograd.grad(x*2,c)",
    "torch.autograd.grad(v*2,v)",
    "r=torch.autograd.grad(x*2,[x,v],allow_unused=True)",
    "r=torch.autograd.grad(x*2,x)",
    "y=x*x*x; g,=torch.autograd.grad(y,x,create_graph=True); r=torch.autograd.grad(g,x)",
    "y=x*x*x; g,=torch.autograd.grad(y,x); torch.autograd.grad(g,x)",
    "y=x*x; y.backward(create_graph=True); r=x.grad",
    "v.squeeze(3)",
    "v.unsqueeze(3)",
    "v.transpose(0,1)",
    "v.expand(2,2)",
    "v.expand(4)",
    "v.permute(1,0)",
    "m.t().t().view(-1)",
    "torch.arange(0,1,0)",
    "torch.arange(1,0)",
    "torch.optim.SGD([x])",
    "torch.optim.SGD(x,lr=0.1)",
    "torch.optim.SGD([],lr=0.1)",
    "torch.optim.SGD([x],lr=-1)",
    "torch.optim.SGD([x*2],lr=.1)",
    "torch.randint(5,2,(3,))",
    "torch.eye(-1)",
    "torch.zeros(-1)",
    "torch.max(torch.tensor([]))",
    "torch.argmax(torch.tensor([]))",
    "i.mean()",
    "b+b",
    "b-b",
    "-b",
    "i/2",
    "r=i/2",
    "r=i//2",
    "r=i*2.5",
    "r=b*2.5",
    "i+=2.5",
    "i.add_(2.5)",
    "r=i**-1",
    "r=i.sin()",
    "r=i.sum()",
    "r=b.sum()",
    "c.add_(m)",
    "torch.full((2,),True)",
    "r=torch.full((2,),1)",
    "torch.ones(2).bool().requires_grad_()",
    "torch.where(v,v,v)",
    "v.retain_grad(); r=v",
    "c.retain_grad()",
    "c.register_hook(lambda g:g)",
    "y=x*2; y.retain_grad(); y.backward(); r=y.grad",
    "y=x.detach(); y+=1; r=x",
    "with torch.no_grad(): x+=1",
    "w=v[0]; w+=1",
    "w=v.view(3); w+=1",
    "w=v.data; w+=1; r=v",
    "copy=__import__('copy'); r=copy.deepcopy(x)",
    "copy=__import__('copy'); copy.deepcopy(x*2)",
    "hash(x); r=x in [x]",
    "r=v in [v]",
    "v==None",
    "r=(x==None)",
    "r=x!=2",
    "not v",
    "v and v",
    "torch.allclose(v,m)",
    "torch.equal(v,2)",
    "torch.manual_seed('a')",
    "v.to('cuda')",
    "v.cuda()",
    "v.clamp()",
    "torch.maximum(v,2)",
    "torch.sqrt(-1)",
    "x@x",
    "x@v",
    "v@v@v",
    "torch.matmul(v,torch.tensor([1.,2.]))",
    "v@torch.tensor([1,2,3])",
    "m@torch.tensor([1,2,3])",
    "torch.outer(m,v)",
    "v.T",
    "torch.mean(i)",
    "m.sum(0,1)",
    "v.sum(axis=0)",
    "torch.tensor([1.,2.], dtype=float)",
    "r=torch.tensor([1.,2.], dtype=int)",
    "r=torch.tensor(1.5, dtype=torch.int64)",
    "torch.tensor(1.5, dtype=torch.int64, requires_grad=True)",
    "r=torch.tensor(v)",
    "r=torch.tensor([v,v])",
    "r=torch.tensor([x,x])",
    "r=torch.Tensor([1,2])",
    "r=torch.Tensor(2,3).shape",
    "r=round(x)",
    "r=divmod(x,2)",
    "r=x//0",
    "r=i//0",
    "i%0",
    "r=x%0",
    "r=1/x",
    "r=format(x,'.3f')",
    "r=f'{x:.3f}'",
    "r=f'{v}'",
    "r=f'{v:.3f}'",
    "r='%.3f'%x",
    "r=range(torch.tensor(3))",
    "r=[10,20,30][torch.tensor(1)]",
    "r=sum(v)",
    "r=max(v)",
    "r=list(v)",
    "r=reversed(v)",
    "r=v.tolist()",
    "r=x.tolist()",
    "r=v.size(), v.dim(), v.numel(), v.ndim, v.nelement(), v.size(0)",
    "r=v.is_leaf, (v*2).is_leaf, c.is_leaf",
    "v.size(1)",
    "v.backward(torch.ones(3),foo=1)",
    "x.backward(torch.ones(3))",
    "r=x.backward(); r=x.grad",
    "torch.no_grad(1)",
    "torch.tensor([1.],requires_grad='a')",
    "torch.zeros((2,3),dtype=torch.int64,requires_grad=True)",
    "torch.empty(2)",
    "x.data=1",
    "x.data=torch.ones(2); r=x",
    "x.shape=(1,)",
    "x.grad_fn=None",
    "del x.grad; r=x.grad",
    "x.is_leaf=False",
    "r=v.type(), v.dtype, v.device",
    "c[:2]=[1.,2.]",
    "c[:2]=(1.,2.)",
    "c[0]=[1.]",
    "c[[0,1]]=[1.,2.]",
    "c[0]=None",
    "c[0]='a'",
    "c[:]=range(3)",
    "v[0]=[1.]",
    "import numpy; c[:]=numpy.ones(3)",
    "import numpy; c[0]=numpy.float32(2)",
    "import numpy; c[0]=numpy.float64(2); c[1]=numpy.int64(3); c[2]=True; r=c",
    "c[[0,1]]=torch.tensor([1,2])",
    "c[c>5]=torch.tensor(1); r=c",
    "c.fill_(v)",
    "c.fill_(x); r=c",
]

# 例外の種類は同じで、文面の1行目(引数の型の一覧)までが同じもの。torchはこのあとに、受け付ける型の
# 組をすべて並べる。一覧は長く、版ごとに変わるので、写さない。
FIRST_LINE_ONLY = [
    "torch.randint(5)",
    "torch.where(b, v, 'a')",
    "torch.pow(2, 3)",
]


# torchがプロセスで1度しか出さない警告。ここでは比べず、下の専用のテストで見る。
ONCE = {errors.SCALAR_CONVERSION_WARNING, errors.CREATE_GRAPH_WARNING, errors.T_WARNING}


@pytest.fixture(autouse=True)
def one_time_warnings_are_over() -> None:
    errors.cautions._warned.update(ONCE)


@pytest.mark.parametrize("program", PROGRAMS)
def test_program_ends_as_in_torch(program: str) -> None:
    theirs, ours = (outcome(engine, program) for engine in ENGINES.values())
    theirs = theirs._replace(warnings=tuple(w for w in theirs.warnings if w not in ONCE))
    assert ours == theirs


@pytest.mark.parametrize("program", FIRST_LINE_ONLY)
def test_first_line_is_that_of_torch(program: str) -> None:
    theirs, ours = (outcome(engine, program) for engine in ENGINES.values())
    assert ours.error == theirs.error == "TypeError"
    assert theirs.text.partition(", but expected one of")[0] == ours.text


ONCE_PROGRAMS = {
    "import math; math.sin(x)": errors.SCALAR_CONVERSION_WARNING,
    "(x * x).backward(create_graph=True)": errors.CREATE_GRAPH_WARNING,
    "v.T": errors.T_WARNING,
}


@pytest.mark.parametrize(("program", "message"), ONCE_PROGRAMS.items())
def test_warning_appears_once_per_process(program: str, message: str) -> None:
    errors.cautions._warned.discard(message)
    assert outcome(ENGINES["bibun"], program).warnings == (message,)
    assert outcome(ENGINES["bibun"], program).warnings == ()


@pytest.fixture(scope="module")
def warnings_of_a_fresh_torch() -> str:
    """新しいプロセスのtorchで、3つのプログラムを2回ずつ実行したときの警告."""
    program = "\n".join([FRESH, *ONCE_PROGRAMS, *ONCE_PROGRAMS])
    command = [sys.executable, "-W", "always", "-c", program]
    return subprocess.run(command, capture_output=True, text=True, check=True).stderr


FRESH = """
import torch
x = torch.tensor(2.0, requires_grad=True)
v = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
"""


@pytest.mark.parametrize("message", ONCE_PROGRAMS.values())
def test_torch_gives_the_warning_once_in_the_same_words(
    message: str, warnings_of_a_fresh_torch: str
) -> None:
    assert warnings_of_a_fresh_torch.count(message) == 1


def test_feature_that_bibun_lacks_is_named_in_japanese() -> None:
    result = outcome(ENGINES["bibun"], "torch.zeros(2, 2, 2) @ torch.zeros(2, 2, 2)")
    assert result.error == "UnsupportedError"
    assert "3次元以上のTensorの行列積" in result.text
    assert "本物のPyTorch" in result.text
