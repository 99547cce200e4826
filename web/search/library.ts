// 本の文章と用語を持ち、探して並べる。
import { count, distance, fold } from "./fold";

type Spot = [page: number, anchor: string];

/** search-data.js の中身。作るのは src/bibun_site/search.py。 */
export interface Packed {
  alphabet: string; // 0x80番からの字が、もとは何の字か
  data: Data;
}

interface Data {
  pages: [uri: string, title: string][];
  sections: [page: number, anchor: string, title: string, text: string][];
  terms: {
    name: string;
    reading: string;
    english: string[];
    aliases: string[];
    entry: Spot;
    place: Spot;
  }[];
}

/** 結果になる1か所。 */
export interface Place {
  uri: string;
  anchor: string;
  page: string;
  title: string;
  text: string;
}

export interface Term {
  name: string;
  names: string[]; // 読みと英語
  keys: string[]; // 引ける形のすべて
  entry: Place; // 用語集の項目
  place: Place; // くわしい説明
}

export interface Found {
  words: string[];
  terms: Term[];
  exact: boolean; // 用語の名前と一致した(でなければ、名前の初めが一致した)
  literal: Place[]; // すべての言葉をそのまま含む
  near: Place[]; // そのままではない
  instead: string[]; // 言いかえて探した、この本での言葉。空なら、書き方の違いをならして探した
}

interface Entry {
  place: Place;
  title: string;
  whole: string;
  isPage: boolean;
}

function unpack({ alphabet, data }: Packed): Data {
  const letters = [...alphabet];
  const text = JSON.stringify(data).replace(
    /[\u0080-\u07ff]/g,
    (char) => letters[char.charCodeAt(0) - 0x80]!,
  );
  return JSON.parse(text) as Data;
}

/** 用語を引く形。`torch.no_grad()` も `no_grad` も同じ。 */
function key(name: string): string {
  return fold(name.replace(/^torch\./, "").replace(/\(\)$/, ""), true).text;
}

/** 探す言葉を、空白で分ける。 */
export function split(query: string): string[] {
  return [...new Set(fold(query.normalize("NFKC")).text.split(/\s+/).filter(Boolean))];
}

export class Library {
  private readonly entries: Entry[];
  private readonly terms: Term[];
  private readonly loose = new Map<Entry, string>();

  constructor(packed: Packed) {
    const data = unpack(packed);
    const places = new Map<string, Place>();
    this.entries = data.sections.map(([page, anchor, title, text]) => {
      const [uri, pageTitle] = data.pages[page]!;
      const place = { uri, anchor, page: pageTitle, title, text };
      const isPage = !places.has(`${page}`);
      places.set(`${page}`, places.get(`${page}`) ?? place).set(`${page}#${anchor}`, place);
      return { place, title: fold(title).text, whole: fold(`${title}\n${text}`).text, isPage };
    });
    const at = ([page, anchor]: Spot) => (places.get(`${page}#${anchor}`) ?? places.get(`${page}`))!;
    this.terms = data.terms.map((term) => {
      const names = [term.reading, ...term.english].filter((name) => name && name !== term.name);
      return {
        name: term.name,
        names,
        keys: [term.name, ...names, ...term.aliases].map(key),
        entry: at(term.entry),
        place: { ...at(term.place), anchor: term.place[1] },
      };
    });
  }

  search(query: string): Found {
    const words = split(query);
    const exactly = this.terms.filter((term) => term.keys.includes(key(query)));
    const terms = exactly.length ? exactly : this.startingWith(key(query));
    const literal = words.length ? this.containing(words) : [];
    const instead = exactly.map((term) => term.name).filter((name) => !isIn(name, words));
    const near = new Set(instead.flatMap((name) => this.containing(split(name))));
    if (!literal.length && !near.size) this.containingLoosely(words).forEach((e) => near.add(e));
    literal.forEach((entry) => near.delete(entry));
    const shown = (entries: Iterable<Entry>, ranked: string[]) =>
      this.ranked([...entries], ranked, exactly).map((entry) => entry.place);
    return {
      words,
      terms,
      exact: exactly.length > 0,
      literal: shown(literal, words),
      near: shown(near, instead.length ? instead.map((name) => fold(name).text) : words),
      instead,
    };
  }

  /** 1語だけなら何か所にあるか。 */
  occurrences(word: string): number {
    return this.containing([word]).length;
  }

  /** 綴りの近い用語。 */
  similar(query: string): Term[] {
    const wanted = key(query);
    const limit = Math.max(1, Math.floor(wanted.length / 3));
    const far = (term: Term) => Math.min(...term.keys.map((name) => distance(wanted, name)));
    return this.terms
      .map((term) => [far(term), term] as const)
      .filter(([steps, term]) => steps <= limit && term.keys.some((name) => name.length > steps))
      .sort(([a], [b]) => a - b)
      .slice(0, 3)
      .map(([, term]) => term);
  }

  private startingWith(start: string): Term[] {
    const found = start ? this.terms.filter((t) => t.keys.some((k) => k.startsWith(start))) : [];
    return found.slice(0, 3);
  }

  private containing(words: string[]): Entry[] {
    return this.entries.filter((entry) => words.every((word) => entry.whole.includes(word)));
  }

  private containingLoosely(words: string[]): Entry[] {
    const loosened = words.map((word) => fold(word, true).text);
    if (!loosened.length || loosened.some((word) => word.length < 2)) return [];
    return this.entries.filter((entry) => {
      const whole = this.loose.get(entry) ?? fold(entry.whole, true).text;
      this.loose.set(entry, whole);
      return loosened.every((word) => whole.includes(word));
    });
  }

  /** 用語を説明するところ、題に含むところ、多く含むところの順に並べる。 */
  private ranked(entries: Entry[], words: string[], terms: Term[]): Entry[] {
    const phrase = words.join(" ");
    const rank = ({ place, title, isPage }: Entry): number => {
      const is = (other: Place) => other.uri === place.uri && other.anchor === place.anchor;
      if (terms.some((term) => is(term.place))) return 0;
      if (terms.some((term) => is(term.entry))) return 1;
      if (words.every((word) => title.includes(word))) return isPage ? 2 : 3;
      return 4;
    };
    const weight = ({ whole }: Entry) =>
      words.reduce((sum, word) => sum + count(whole, word), 3 * count(whole, phrase));
    return entries
      .map((entry) => ({ entry, rank: rank(entry), weight: weight(entry) }))
      .sort((a, b) => a.rank - b.rank || b.weight - a.weight)
      .map(({ entry }) => entry);
  }
}

function isIn(name: string, words: string[]): boolean {
  return words.includes(fold(name).text);
}
