#!/usr/bin/env bash
# requirements*.in から requirements*.txt を作り直す(Python 3.10以上のすべてに通じる形で)。
# torchが自分で版まで決めて連れてくるCUDAの部品は書かない。CPU版には無いからである。
set -euo pipefail
cd "$(dirname "$0")/.."
skip=()
for name in cuda-bindings cuda-pathfinder cuda-toolkit triton \
  nvidia-{cublas,cuda-cupti,cuda-nvrtc,cuda-runtime,cudnn-cu13,cufft,cufile,curand} \
  nvidia-{cusolver,cusparse,cusparselt-cu13,nccl-cu13,nvjitlink,nvshmem-cu13,nvtx}; do
  skip+=(--no-emit-package "$name")
done
for name in requirements requirements-dev; do
  uv pip compile --quiet --universal --python-version 3.10 --no-header --no-annotate \
    "${skip[@]}" "$name.in" -o "$name.new" "$@"
  if [ "$name" = requirements-dev ]; then
    { echo "-r requirements.txt"; grep -vxFf requirements.txt requirements-dev.new; } >"$name.txt"
  else
    mv "$name.new" "$name.txt"
  fi
done
rm -f requirements-dev.new
