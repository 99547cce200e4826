// セルの中のエディター(CodeMirror)。色と書体は、本のコードのもの(.highlight)をそのまま使う。
import { defaultKeymap, history, historyKeymap, indentWithTab } from "@codemirror/commands";
import { python } from "@codemirror/lang-python";
import {
  HighlightStyle,
  bracketMatching,
  indentOnInput,
  indentUnit,
  syntaxHighlighting,
} from "@codemirror/language";
import { EditorState, StateEffect, StateField } from "@codemirror/state";
import { Decoration, EditorView, drawSelection, keymap, type DecorationSet } from "@codemirror/view";
import { tags } from "@lezer/highlight";

export interface EditorOptions {
  text: string;
  label: string;
  describedBy: string;
  onChange(text: string): void;
  onRun(): void;
  onRunAndGoOn(): void;
  /** Escapeが押され、次のTabで外に出られる。 */
  onEscape(): void;
}

export interface Editor {
  readonly element: HTMLElement;
  focus(): void;
  set(text: string): void;
  /** 行(1から)に誤りの印を付ける。null なら消す。 */
  mark(line: number | null): void;
  close(): void;
}

// 本のコード(Pygments)と同じ名前の色
const COLORS = HighlightStyle.define([
  { tag: tags.keyword, class: "k" },
  { tag: tags.operatorKeyword, class: "ow" },
  { tag: [tags.bool, tags.null], class: "kc" },
  { tag: tags.number, class: "mf" },
  { tag: [tags.string, tags.special(tags.string)], class: "s2" },
  { tag: tags.comment, class: "c1" },
  { tag: tags.function(tags.definition(tags.variableName)), class: "nf" },
  { tag: tags.definition(tags.className), class: "nc" },
]);

const setMark = StateEffect.define<number | null>();
const marked = Decoration.line({ class: "live-marked" });

/** 誤りの行の印。コードを直すと消える。 */
const marks = StateField.define<DecorationSet>({
  create: () => Decoration.none,
  update(shown, change) {
    for (const effect of change.effects) {
      if (!effect.is(setMark)) continue;
      const { doc } = change.state;
      const line = effect.value;
      if (line === null || line < 1 || line > doc.lines) return Decoration.none;
      return Decoration.set(marked.range(doc.line(line).from));
    }
    return change.docChanged ? Decoration.none : shown;
  },
  provide: (field) => EditorView.decorations.from(field),
});

export function createEditor(options: EditorOptions): Editor {
  const view = new EditorView({
    state: EditorState.create({ doc: options.text, extensions: extensions(options) }),
  });
  return {
    element: view.dom,
    focus: () => view.focus(),
    set: (text) => view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: text } }),
    mark: (line) => view.dispatch({ effects: setMark.of(line) }),
    close: () => view.destroy(),
  };
}

function extensions(options: EditorOptions) {
  const run = () => (options.onRun(), true);
  return [
    keymap.of([
      { key: "Ctrl-Enter", run },
      { key: "Mod-Enter", run },
      { key: "Shift-Enter", run: () => (options.onRunAndGoOn(), true) },
      {
        key: "Escape",
        run: (view) => {
          view.setTabFocusMode(true);
          options.onEscape();
          return true;
        },
      },
      indentWithTab,
      ...defaultKeymap,
      ...historyKeymap,
    ]),
    history(),
    drawSelection(),
    indentOnInput(),
    indentUnit.of("    "),
    bracketMatching(),
    python(),
    syntaxHighlighting(COLORS),
    marks,
    EditorView.updateListener.of((update) => {
      if (!update.docChanged) return;
      update.view.setTabFocusMode(false);
      options.onChange(update.state.doc.toString());
    }),
    EditorView.domEventHandlers({ blur: (_, view) => void view.setTabFocusMode(false) }),
    EditorView.contentAttributes.of({
      "aria-label": options.label,
      "aria-describedby": options.describedBy,
      autocapitalize: "off",
      translate: "no",
    }),
  ];
}
