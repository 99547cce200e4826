"""サイトと置き場(リポジトリー)の住所。1か所で決め、決まっていなければ、要るものを出さない。

ふだんは環境変数 ``BIBUN_SITE_URL`` と ``BIBUN_REPOSITORY``(公開の仕事が入れる)で、
自分のサイトとして公開するなら ``_config.yml`` の ``html.baseurl`` と ``bibun_repository`` で決める。
"""

from __future__ import annotations

import os
import re

from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.errors import ConfigError

__all__ = ["colab", "setup"]

SITE = re.compile(r"https?://[^\s/]+(/\S*)?")
REPOSITORY = re.compile(r"[\w.-]+/[\w.-]+")
BRANCH = "notebooks"  # 公開の仕事が、ノートブックを置く枝


def read(_app: Sphinx, config: Config) -> None:
    """環境変数があればそれを、なければ設定を使う。

    Raises
    ------
    ConfigError
        住所の形が違うとき。
    """
    site = os.environ.get("BIBUN_SITE_URL") or config.html_baseurl or ""
    repository = os.environ.get("BIBUN_REPOSITORY") or config.bibun_repository
    if site and not SITE.fullmatch(site):
        raise ConfigError(
            "サイトの住所(BIBUN_SITE_URLか、_config.ymlのhtml.baseurl)は "
            f"https://example.org/book/ の形で書きます。いまは「{site}」です。"
        )
    if repository and not REPOSITORY.fullmatch(repository):
        raise ConfigError(
            "リポジトリー(BIBUN_REPOSITORYか、_config.ymlのbibun_repository)は "
            f"持ち主/名前 の形で書きます。いまは「{repository}」です。"
        )
    config.html_baseurl = site and site.rstrip("/") + "/"
    config.bibun_repository = repository


def colab(config: Config, file: str) -> str:
    """ノートブックをGoogle Colabで開く住所。置き場が決まっていなければ空。"""
    if not config.bibun_repository:
        return ""
    place = f"github/{config.bibun_repository}/blob/{BRANCH}/{file}"
    return f"https://colab.research.google.com/{place}"


def setup(app: Sphinx) -> None:
    """Sphinxに登録する。住所が変われば、すべてのページを書き直す。"""
    app.add_config_value("bibun_repository", "", "html")
    app.connect("config-inited", read)
