"""ブラウザーのテストに使うChromiumを見つける。なければ、入れられるときは入れ、だめなら言う。"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "msedge")


def find() -> str | None:
    """見つかったブラウザーの置き場所。環境変数 ``CHROMIUM`` が優先。"""
    named = os.environ.get("CHROMIUM")
    return named or next((path for name in NAMES if (path := shutil.which(name))), None)


def main() -> None:
    """ブラウザーを見つけ、なければDebian系の管理者なら入れる。"""
    if find() is None and shutil.which("apt-get") and os.geteuid() == 0:
        print("==> Chromiumを入れています(ブラウザーのテストに使います)", flush=True)
        subprocess.call(["apt-get", "update", "-qq"])
        subprocess.call(["apt-get", "install", "-y", "-qq", "chromium", "fonts-noto-cjk"])
    found = find()
    if found is None:
        sys.exit(
            "Chromiumがありません。ブラウザーのテストに要ります。`sudo apt install chromium` で入れるか、"
            "環境変数 CHROMIUM にChromium系のブラウザーの置き場所を入れてください。"
            "ブラウザーを使わないテストだけなら `make unit` で動きます。"
        )
    print(f"==> ブラウザー: {found}")


if __name__ == "__main__":
    main()
