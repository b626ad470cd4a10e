// Show each language's letter as it is typed; without this, the button "Preview" does the same.
const form = document.querySelector("form[data-preview]");
const pause = 300; // milliseconds after the last key

function watch(column) {
  const language = column.dataset.language;
  const shown = column.querySelector("[data-shown]");
  let timer, asked;
  async function draw() {
    asked?.abort();
    asked = new AbortController();
    const fields = new FormData();
    for (const [name, value] of new FormData(form)) {
      if (name === "csrf_token" || name === "kind" || name.startsWith(`${language}.`)) fields.append(name, value);
    }
    fields.append("language", language);
    try {
      const answer = await fetch(form.dataset.preview, { method: "POST", body: new URLSearchParams(fields), signal: asked.signal, credentials: "same-origin" });
      if (answer.redirected || !answer.ok) throw new Error(answer.status);
      shown.innerHTML = await answer.text();
      shown.classList.remove("stale");
    } catch (error) {
      if (error.name !== "AbortError") shown.classList.add("stale");
    }
  }
  column.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(draw, pause); });
  for (const kind of form.querySelectorAll("[name=kind]")) kind.addEventListener("change", draw);
}

// A form with changes in it is not left without a question.
let changed = false;
form.addEventListener("input", () => { changed = true; });
form.addEventListener("submit", () => { changed = false; });
addEventListener("beforeunload", (event) => { if (changed) event.preventDefault(); });

for (const column of form.querySelectorAll("[data-language]")) watch(column);
