// 検索の結果から来たとき(アドレスの ?found=言葉)、着いた節の中の言葉に印を付ける。ページの中身は変えない。

export function markFound(): void {
  const url = new URL(location.href);
  const words = (url.searchParams.get("found") ?? "").toLowerCase().split(/\s+/).filter(Boolean);
  if (!words.length) return;
  url.searchParams.delete("found");
  history.replaceState(null, "", url);
  if (!("highlights" in CSS)) return;

  const target = document.getElementById(decodeURIComponent(url.hash.slice(1)));
  const place = target?.matches("dt") ? target.nextElementSibling : target?.closest("section, .admonition");
  const texts: { node: Node; start: number }[] = [];
  const walker = document.createTreeWalker(place ?? document.querySelector("article")!, NodeFilter.SHOW_TEXT);
  let whole = "";
  while (walker.nextNode()) {
    texts.push({ node: walker.currentNode, start: whole.length });
    whole += walker.currentNode.nodeValue!.toLowerCase();
  }
  const at = (position: number): [Node, number] => {
    const { node, start } = texts.filter((text) => text.start <= position).at(-1)!;
    return [node, Math.min(position - start, node.nodeValue!.length)];
  };
  const marks = new Highlight();
  for (const word of words) {
    for (let i = whole.indexOf(word); i >= 0; i = whole.indexOf(word, i + word.length)) {
      const range = new Range();
      range.setStart(...at(i));
      const [node, end] = at(i + word.length - 1);
      range.setEnd(node, end + 1);
      marks.add(range);
    }
  }
  CSS.highlights.set("found", marks);
}
