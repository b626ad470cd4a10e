// Update the preview of each language while it is typed. Without JavaScript, the button "Preview" does the same.
const form = document.querySelector("form[data-preview]");
const delay = 300; // milliseconds after the last key

function watch(column) {
  const language = column.dataset.language;
  const preview = column.querySelector("[data-shown]");
  let timer, pending;
  async function update() {
    pending?.abort();
    pending = new AbortController();
    const fields = new FormData();
    for (const [name, value] of new FormData(form)) {
      if (name === "csrf_token" || name === "kind" || name.startsWith(`${language}.`)) fields.append(name, value);
    }
    fields.append("language", language);
    try {
      const response = await fetch(form.dataset.preview, { method: "POST", body: new URLSearchParams(fields), signal: pending.signal, credentials: "same-origin" });
      if (response.redirected || !response.ok) throw new Error(response.status);
      preview.innerHTML = await response.text();
      preview.classList.remove("stale");
    } catch (error) {
      if (error.name !== "AbortError") preview.classList.add("stale");
    }
  }
  column.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(update, delay); });
  for (const kind of form.querySelectorAll("[name=kind]")) kind.addEventListener("change", update);
}

// Propose the address while the title is typed, as the server would make it.
const slug = form.elements.slug;
function proposeSlug() {
  const language = form.querySelector("[name=default_language]:checked")?.value;
  const title = form.elements[`${language}.title`]?.value ?? "";
  const words = title.replace(/[œŒ]/g, "oe").normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase().match(/[a-z0-9]+/g) ?? [];
  let proposed = "";
  for (const word of words) {
    if (proposed.length + word.length >= 50) break;
    proposed = proposed ? `${proposed}-${word}` : word;
  }
  slug.placeholder = proposed;
}
if (slug && !slug.readOnly) {
  form.addEventListener("input", proposeSlug);
  proposeSlug();
}

// Unfold a language that is made the main one.
form.addEventListener("change", (event) => {
  if (event.target.name !== "default_language") return;
  const folded = form.querySelector(`[data-language="${event.target.value}"] > details`);
  if (folded) folded.open = true;
});

for (const column of form.querySelectorAll("[data-language]")) watch(column);
