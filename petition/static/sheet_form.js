// The form of a sheet, by the keyboard: Enter goes on to the next line, Ctrl+Enter saves. Without JavaScript, Enter saves.
const form = document.querySelector("form[data-sheet]");
form.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.target.tagName === "BUTTON") return;
  event.preventDefault();
  if (event.ctrlKey || event.metaKey) { form.requestSubmit(); return; }
  const rows = [...form.querySelectorAll("tbody tr")];
  const next = rows[rows.indexOf(event.target.closest("tr")) + 1];
  (next ? next.querySelector("input") : form.querySelector("button.btn-primary")).focus();
});
const wrong = form.querySelector("[aria-invalid=true]");
if (wrong) wrong.focus();
