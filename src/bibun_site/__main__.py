"""このフォルダーの本を作る(``make book``)。

``jupyter-book build . -n -W --keep-going`` と同じものができる。章を実行するプロセスを、Sphinxを読み込むよりも前に
始めるので、そのぶん早く終わる。引数は ``jupyter-book build`` に渡す。
"""

from __future__ import annotations

import sys
from pathlib import Path

from bibun_site import ahead

if __name__ == "__main__":
    ahead.prepare(Path("_build").absolute())
    ahead.begin(Path.cwd(), Path("_build"))
    from jupyter_book.cli.main import main

    try:
        main(["build", ".", "-n", "-W", "--keep-going", *sys.argv[1:]], prog_name="jupyter-book")
    except RuntimeError as error:
        from bibun_site.guard import BookError

        if not isinstance(error.__cause__, BookError):
            raise
        sys.exit("==> 本はできませんでした。")
