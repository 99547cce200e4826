// Pyodideの中でbibunを動かし、結果をJSONで書く。使い方: node pyodide_chain.mjs <srcの場所> <鎖の長さ>
import { loadPyodide } from "pyodide";

const [source, length] = process.argv.slice(2);
const python = await loadPyodide();
python.mountNodeFS("/src", source);
python.globals.set("length", Number(length));
const result = python.runPython(`
import gc, json, sys

sys.path.insert(0, "/src")
import bibun.torch_api as torch

x = torch.tensor(0.5, requires_grad=True)
y = x
for _ in range(length):
    y = y * 0.999 + 0.001
y.backward()
chain = x.grad.item()
del y
gc.collect()

parts = [x * k for k in range(1000)]
wide = parts[0]
for part in parts[1:]:
    wide = wide + part
del parts, part
x.grad = None
wide.backward()
fan = x.grad.item()
del wide

u = torch.tensor([1.0, 2.0], requires_grad=True)
v = u
for _ in range(length):
    v = v + 1
del v
json.dumps({"python": sys.version.split()[0], "chain": chain, "fan": fan, "shown": repr(u)})
`);
console.log(result);
