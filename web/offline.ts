// ファイルとして開いたページ(サイト全体のzip)から、サイトにしかないものを取り除く。
export function removeOnlineOnly(): void {
  if (location.protocol !== "file:") return;
  for (const element of document.querySelectorAll("[data-online]")) element.remove();
}
