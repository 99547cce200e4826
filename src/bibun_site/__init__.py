"""本のビルドが読み込むSphinx拡張。章からは読み込まれない。

`kernel`(実行の環境)、`execution`(章の実行)、`blocks`(演習と折りたたみの記法)、`guard`(嘘の出力を通さない検査)、
`japanese`(日本語の組版と画面の言葉)、`reference`(パッケージの参照ページ)、
`mathematics`(数式)、`glossary`(用語集を読む)、`terms`(用語へのリンクと索引)、`search`(検索)、
`front`(ページのプログラムと書式)、`highlighting`(コードの色)、`site`(ページの枠と、読み込むもの)、
`headings`(見出しへのリンク)、`pictures`(図の大きさ)、`sharing`(説明、札の絵、サイトの地図)、`entrance`(入口と、ページがないとき)、`practice`(演習の一覧)、
`live`(ページの中で動くセル)、`notebooks` と `archive`(持ち帰るもの)、
`leftovers`(要らないファイルを消す)、`links`(リンクの検査)、`address`(サイトの住所)からなる。
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sphinx.application import Sphinx

__all__ = ["setup"]


def setup(app: Sphinx) -> dict[str, Any]:
    """部品を登録する。Sphinxは重いので、章を実行するプロセスが巻きこまれないよう、ここで読み込む。"""
    from bibun_site import (
        address,
        archive,
        blocks,
        entrance,
        execution,
        front,
        glossary,
        guard,
        headings,
        highlighting,
        japanese,
        kernel,
        leftovers,
        links,
        live,
        mathematics,
        notebooks,
        pictures,
        practice,
        reference,
        search,
        sharing,
        site,
        terms,
    )

    content = (
        kernel,
        execution,
        blocks,
        guard,
        japanese,
        reference,
        mathematics,
        pictures,
        headings,
    )
    words = (glossary, terms, search)
    pages = (practice, front, highlighting, live, site, sharing, entrance)
    for part in (address, *content, *words, *pages, notebooks, leftovers, archive, links):
        part.setup(app)
    return {
        "version": "1",
        "env_version": 1,
        "parallel_read_safe": True,
        "parallel_write_safe": True,
    }
