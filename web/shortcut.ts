// `/` か Ctrl+K(Macでは⌘K)で、検索に移る。

export function focusSearch(): void {
  document.addEventListener("keydown", (event) => {
    const writing = (event.target as Element).closest("input, textarea, select, [contenteditable]");
    const slash = event.key === "/" && !event.ctrlKey && !event.metaKey && !event.altKey && !writing;
    const k = event.key.toLowerCase() === "k" && (event.ctrlKey || event.metaKey) && !writing;
    if (!slash && !k) return;
    event.preventDefault();
    const input = document.querySelector<HTMLInputElement>("#search-query, .sidebar-search");
    if (!input) return;
    const { left, width } = input.getBoundingClientRect();
    if (width && left >= 0) input.focus();
    else location.href = input.form!.action; // 章の一覧が隠れているとき
  });
}
