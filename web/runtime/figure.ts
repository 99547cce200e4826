// プログラムの描いた図を、許したものだけからなる要素に作り直す。
//
// 文字は、何も実行せず何も読み込まない別の文書で読み、ここに挙げた要素と属性だけを写す。
// リンク、画像、スクリプト、スタイルシート、id は、どれも挙げていない。
const SVG = "http://www.w3.org/2000/svg";
const HTML = "http://www.w3.org/1999/xhtml";

const ELEMENTS: Record<string, Set<string>> = {
  [SVG]: new Set(
    "svg g path polygon polyline ellipse circle rect line text tspan title desc".split(" "),
  ),
  [HTML]: new Set(["div", "details", "summary"]),
};
const ROOTS = new Set(["svg", "div"]);

const NUMBER = /^-?[\d.]{1,12}(pt|px|em|%)?$/;
const NUMBERS = /^[-+\d\s.,eE]*$/;
const WORD = /^[\w-]{1,40}$/;
const TEXT = /^[^]{0,20000}$/;
const COLOR =
  /^(none|currentColor|#[\da-f]{3,8}|[a-z]{1,20}|var\(--bibun-[\w-]{1,40}, ?(#[\da-f]{3,8}|rgb\([\d\s./]{1,40}\))\))$/;
const STYLE = /^(max-width:100%;height:auto|font-family:system-ui,sans-serif)$/;

const ATTRIBUTES: Record<string, RegExp> = {
  ...each("x y x1 y1 x2 y2 dx dy cx cy r rx ry width height", NUMBER),
  ...each("stroke-width stroke-opacity fill-opacity opacity font-size", NUMBER),
  ...each("points viewBox stroke-dasharray", NUMBERS),
  ...each("fill stroke", COLOR),
  ...each("text-anchor dominant-baseline font-weight font-style role name", WORD),
  d: /^[-+\d\s.,a-zA-Z]*$/,
  transform: /^([a-z]{1,10}\([-\d\s.,]*\)\s*)*$/i,
  "font-family": /^[\w\s,-]{1,100}$/,
  class: /^(bibun-graph|bibun-frames|graph|node|edge)$/,
  style: STYLE,
  open: /^$/,
  "aria-label": TEXT,
};
const LARGEST = 10_000; // 要素の数

/** 図の文字を、安全な要素にする。図でないもの、多すぎるものは空になる。 */
export function figure(markup: string): DocumentFragment {
  const made = document.createDocumentFragment();
  const body = new DOMParser().parseFromString(markup, "text/html").body;
  if (body.querySelectorAll("*").length > LARGEST) return made;
  for (const element of body.children) {
    if (!ROOTS.has(element.localName)) continue;
    const copy = copied(element);
    if (copy) made.append(copy);
  }
  return made;
}

function copied(element: Element): Element | null {
  const { namespaceURI, localName } = element;
  if (!namespaceURI || !ELEMENTS[namespaceURI]?.has(localName)) return null;
  const copy = document.createElementNS(namespaceURI, localName);
  for (const { name, value } of element.attributes) {
    if (Object.hasOwn(ATTRIBUTES, name) && ATTRIBUTES[name]!.test(value)) {
      copy.setAttribute(name, value);
    }
  }
  for (const child of element.childNodes) {
    const inner = child instanceof Element ? copied(child) : child instanceof Text && child.data;
    if (inner) copy.append(inner);
  }
  return copy;
}

function each(names: string, pattern: RegExp): Record<string, RegExp> {
  return Object.fromEntries(names.split(" ").map((name) => [name, pattern]));
}
