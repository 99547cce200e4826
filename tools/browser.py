"""ブラウザーのテストに使うChromiumとFirefoxを見つける。なければ、入れられるときは入れ、だめなら言う。"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

# 名前: (Debianのパッケージ, 命令の名前)。同じ名前の環境変数(CHROMIUM、FIREFOX)が優先
BROWSERS = {
    "Chromium": (
        "chromium",
        ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "msedge"),
    ),
    "Firefox": ("firefox-esr", ("firefox-esr", "firefox")),
}


def find(browser: str = "Chromium") -> str | None:
    """見つかったブラウザーの置き場所。"""
    _, names = BROWSERS[browser]
    named = os.environ.get(browser.upper())
    return named or next((path for name in names if (path := shutil.which(name))), None)


def can_install() -> bool:
    """Debian系の管理者か。"""
    return shutil.which("apt-get") is not None and os.geteuid() == 0


def missing(browser: str) -> str:
    """ないときの言葉。"""
    package, _ = BROWSERS[browser]
    return (
        f"{browser}がありません。ブラウザーのテストに要ります。`sudo apt install {package}` で入れるか、"
        f"環境変数 {browser.upper()} に、その置き場所を入れてください。"
    )


def main() -> None:
    """ブラウザーを見つけ、なければDebian系の管理者なら入れる。Firefoxのテストだけは、なければ飛ばす。"""
    absent = [browser for browser in BROWSERS if find(browser) is None]
    if absent and can_install():
        print(f"==> {'と'.join(absent)}を入れています(ブラウザーのテストに使います)", flush=True)
        packages = [BROWSERS[browser][0] for browser in absent]
        subprocess.call(["apt-get", "update", "-qq"])
        subprocess.call(["apt-get", "install", "-y", "-qq", *packages, "fonts-noto-cjk"])
    if find() is None:
        sys.exit(
            missing("Chromium") + "ブラウザーを使わないテストだけなら `make unit` で動きます。"
        )
    for browser in BROWSERS:
        print(f"==> {browser}: {find(browser) or missing(browser)}")


if __name__ == "__main__":
    main()
