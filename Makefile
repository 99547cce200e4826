# 本とbibunの、すべての仕事。CIの仕事も、1つがここの1つの目標に当たる。
PYTHON ?= python3
VENV ?= .venv
NEWEST ?=
BIN := $(VENV)/bin
PORT ?= 8000
# 桁がCPUの種類やスレッドの数で変わらないように、テストでもビルドでも同じ環境にする
export ATEN_CPU_CAPABILITY := avx2
export OMP_NUM_THREADS := 1
export MKL_NUM_THREADS := 1
export MKL_CBWR := COMPATIBLE

.PHONY: help book serve test unit bench reproduce doctest lint format types newest lock linkcheck clean

help:            ## この一覧
	@grep -hE '^[a-z]+:.*##' Makefile | sed -E 's/:[^#]*##/\t/' | expand -t 12

SETUP = $(PYTHON) tools/setup_environment.py --venv $(VENV) $(if $(NEWEST),--newest $(NEWEST) --)

$(VENV)/book.ready: requirements.txt pyproject.toml tools/setup_environment.py
	@$(SETUP) requirements.txt
	@touch $@

$(VENV)/test.ready: $(VENV)/book.ready requirements-dev.txt
	@$(SETUP) requirements.txt requirements-dev.txt
	@touch $@

node_modules/bibun-ready: package-lock.json $(VENV)/test.ready
	@$(BIN)/python -m bibun_site.node
	@touch $@

$(VENV)/bench.ready: $(VENV)/test.ready requirements-bench.txt
	@$(PYTHON) tools/setup_environment.py --venv $(VENV) requirements-bench.txt
	@touch $@

book: $(VENV)/book.ready  ## 本を作る(_build/html)
	$(BIN)/python -m bibun_site
	@echo "==> 本ができました: $(CURDIR)/_build/html/index.html"

serve: $(VENV)/book.ready  ## 本を作って http://127.0.0.1:8000 で見せ、保存のたびに作り直す
	$(BIN)/python -m bibun_site.serve --port $(PORT)

test: $(VENV)/test.ready node_modules/bibun-ready book  ## 本を作り、すべてのテストをする(ブラウザーのテストを含む)
	@$(PYTHON) tools/browser.py
	$(BIN)/python -m pytest -n 2 --dist loadgroup

unit: $(VENV)/test.ready node_modules/bibun-ready  ## ビルドもブラウザーも要らないテスト
	$(BIN)/python -m pytest -n 2 --ignore tests/book

bench: $(VENV)/bench.ready node_modules/bibun-ready book  ## エンジンと本のビルドの速さを、ほかのものと比べ(比だけを読む)、ページを採点する
	$(BIN)/python bench/engine.py
	$(BIN)/python bench/build.py
	@$(PYTHON) tools/browser.py
	$(BIN)/python bench/site.py
	$(BIN)/python bench/live.py

reproduce: $(VENV)/book.ready  ## 本を2か所で、違うしかたで作り、1バイトも違わないことを見る
	$(BIN)/python bench/reproduce.py

doctest: $(VENV)/test.ready  ## 公開した名前の用例と、本の用例
	$(BIN)/python -m pytest --doctest-modules src/bibun -p no:cacheprovider

lint: $(VENV)/test.ready  ## 書式と静的な検査
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: $(VENV)/test.ready  ## 書式をそろえる
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

types: $(VENV)/test.ready node_modules/bibun-ready  ## 型の検査(PythonとTypeScript)
	$(BIN)/mypy
	$(BIN)/node node_modules/typescript/bin/tsc -p .

newest:          ## 最新のtorchで、別の環境に作ってテストする
	$(MAKE) test VENV=.venv-newest NEWEST=torch

lock: $(VENV)/test.ready  ## 固定した版の一覧を作り直す
	$(BIN)/python -m pip install --quiet uv
	PATH="$(CURDIR)/$(BIN):$$PATH" tools/lock.sh

linkcheck: $(VENV)/book.ready  ## 外へのリンクを調べる(ネットワークが要る)
	$(BIN)/jupyter-book build . --builder linkcheck

clean:           ## 作ったものを消す(環境は残す)
	rm -rf _build .pytest_cache .mypy_cache .ruff_cache .hypothesis
