"use strict";
// Choosing a petition fills the sender's name and the reply-to address, until somebody types there.
const fields = { sender_name: "sender", reply_to: "replyTo" };
for (const name of Object.keys(fields)) {
  const input = document.getElementById(name);
  input?.addEventListener("input", () => { input.dataset.typed = "1"; });
}
for (const box of document.querySelectorAll("input[name=petitions]")) {
  box.addEventListener("change", () => {
    const first = document.querySelector("input[name=petitions]:checked");
    for (const [name, value] of Object.entries(fields)) {
      const input = document.getElementById(name);
      if (first && input && !input.dataset.typed) input.value = first.dataset[value];
    }
  });
}
