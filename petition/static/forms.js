// On a phone the navigation is a row that is scrolled sideways: bring the page that one is on into sight.
for (const current of document.querySelectorAll(".sections .current, .sections [aria-current], .tabs .current, .tabs [aria-current]")) {
  const row = current.closest("ul.nav"), box = current.getBoundingClientRect(), whole = row.getBoundingClientRect();
  if (box.width) row.scrollBy(box.left + box.width / 2 - whole.left - whole.width / 2, 0);
}

// Every form of the team's pages: ask before leaving what was typed. Forms with data-keep also keep it by themselves.
const keepDelay = 2000; // milliseconds after the last key

for (const form of document.querySelectorAll("main form[method=post]")) {
  const written = form.querySelector("textarea, input:not([type=hidden]):not([type=checkbox]):not([type=radio]):not([type=password])");
  if (!written) continue;
  let dirty = form.hasAttribute("data-unsaved");
  form.addEventListener("input", () => { dirty = true; });
  form.addEventListener("change", () => { dirty = true; });
  form.addEventListener("submit", () => { dirty = false; });
  addEventListener("beforeunload", (event) => { if (dirty) event.preventDefault(); });
  if (form.hasAttribute("data-keep")) keepByItself(form);
}

function keepByItself(form) {
  const status = form.querySelector("[data-kept]");
  let timer, changed = false;
  async function keep() {
    clearTimeout(timer);
    if (!changed) return;
    changed = false;
    const fields = new URLSearchParams(new FormData(form));
    const headers = { "X-Form-Owner": form.elements.owner.value, "X-Form-Path": location.pathname };
    try {
      const response = await fetch("/account/unsaved/", { method: "POST", body: fields, headers, credentials: "same-origin" });
      if (!response.ok) throw new Error(response.status);
      status.textContent = `${form.dataset.keep} ${new Date().toLocaleTimeString(document.documentElement.lang, { hour: "2-digit", minute: "2-digit" })}`;
    } catch {
      changed = true;
      status.textContent = form.dataset.notKept;
    }
  }
  form.addEventListener("input", () => { changed = true; clearTimeout(timer); timer = setTimeout(keep, keepDelay); });
  document.addEventListener("visibilitychange", () => { if (document.hidden) keep(); });
  form.addEventListener("submit", () => { clearTimeout(timer); changed = false; });
}

// Text pasted from a word processor becomes Markdown: paragraphs, headings, lists, bold, italics and links.
const blocks = { P: "", DIV: "", H1: "## ", H2: "## ", H3: "### ", H4: "### ", BLOCKQUOTE: "> ", LI: "- " };

function toMarkdown(node) {
  if (node.nodeType === Node.TEXT_NODE) return node.data.replace(/[\s]+/g, " ");
  if (node.nodeType !== Node.ELEMENT_NODE || ["STYLE", "SCRIPT", "META", "TITLE", "XML"].includes(node.tagName)) return "";
  const inner = [...node.childNodes].map(toMarkdown).join("");
  const text = inner.trim();
  if (node.tagName === "BR") return "\n";
  if (!text) return inner && " ";
  if (node.tagName === "LI" && node.parentNode.tagName === "OL") return `\n1. ${text}`;
  if (node.tagName === "LI") return `\n- ${text}`;
  if (["UL", "OL", "TABLE"].includes(node.tagName)) return `\n\n${text}\n\n`;
  if (node.tagName in blocks) return `\n\n${blocks[node.tagName]}${text}\n\n`;
  const weight = node.style.fontWeight;
  const edge = (mark) => inner.replace(/^(\s*)([\s\S]*?)(\s*)$/, `$1${mark}$2${mark}$3`);
  if (node.tagName === "A" && /^(https?|mailto):/.test(node.getAttribute("href") || "")) return `[${text}](${node.getAttribute("href")})`;
  if (["B", "STRONG"].includes(node.tagName) && weight !== "normal" || weight === "bold" || Number(weight) >= 600) return edge("**");
  if (["I", "EM"].includes(node.tagName) || node.style.fontStyle === "italic") return edge("*");
  return inner;
}

document.addEventListener("paste", (event) => {
  const area = event.target;
  if (!(area instanceof HTMLTextAreaElement) || !area.hasAttribute("data-markdown")) return;
  const html = event.clipboardData.getData("text/html");
  if (!html) return;
  const page = new DOMParser().parseFromString(html, "text/html");
  if (!page.querySelector("p, li, b, strong, i, em, h1, h2, h3, a[href]")) return;
  event.preventDefault();
  const text = toMarkdown(page.body).replace(/[ \t]+\n/g, "\n").replace(/\n[ \t]+/g, "\n").replace(/\n{3,}/g, "\n\n").trim();
  // As if typed, so that the browser's Undo works.
  if (!document.execCommand("insertText", false, text)) area.setRangeText(text, area.selectionStart, area.selectionEnd, "end");
});
