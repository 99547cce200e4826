#!/usr/bin/env bash
# 公開したサイトのノートブックを、Colabが開く枝 notebooks に置く。
# 使い方: tools/push_notebooks.sh <Pagesに送ったtar>
# 枝は作ったものの置き場なので、履歴を持たない1つのコミットで、変わったときだけ置きかえる。
set -euo pipefail
archive=$(realpath "$1")
source=$(git rev-parse --short HEAD)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
tar -xf "$archive" -C "$folder" ./downloads
git switch --quiet --orphan notebooks
cp "$folder"/downloads/*.ipynb .
git add -- *.ipynb
git -c user.name="github-actions[bot]" -c user.email="github-actions[bot]@users.noreply.github.com" \
  commit --quiet -m "Notebooks of $source"
if git fetch --quiet origin notebooks 2>/dev/null && git diff --quiet FETCH_HEAD HEAD; then
  echo "==> 枝 notebooks は、もうこのとおりです"
else
  git push --quiet --force origin notebooks
  echo "==> 枝 notebooks を置きかえました"
fi
