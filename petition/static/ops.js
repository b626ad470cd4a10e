// Fetch this page again every few seconds and swap the parts marked data-live; without it, a reload does the same.
const every = 1000 * Number(document.currentScript.dataset.every || 5);
const fresh = document.getElementById("fresh");
let open = new Set();

// A part that somebody is using stays as it is: a form being filled in, a question that is open.
function inUse(part) {
  return part.contains(document.activeElement) && document.activeElement.matches("input, textarea, select, button, summary")
    || part.querySelector("details.pause[open]");
}

function swap(page) {
  for (const part of document.querySelectorAll("[data-live]")) {
    const newer = page.getElementById(part.id);
    if (!newer || newer.outerHTML === part.outerHTML || inUse(part)) continue;
    open = new Set([...part.querySelectorAll("details[open]")].map((details) => details.id));
    const focus = document.activeElement === part;
    part.replaceWith(document.adoptNode(newer));
    for (const id of open) document.getElementById(id)?.setAttribute("open", "");
    if (focus) newer.focus({ preventScroll: true });
  }
}

async function refresh() {
  if (document.hidden) return;
  try {
    const answer = await fetch(location.href, { signal: AbortSignal.timeout(4000), credentials: "same-origin" });
    if (answer.redirected || !answer.ok) throw new Error(answer.status);
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    swap(page);
    document.title = page.title;
    const newer = page.getElementById("fresh");
    if (fresh && newer) { fresh.innerHTML = newer.innerHTML; fresh.classList.remove("stale"); }
    // An action that has ended shows other buttons.
    if (document.querySelector('[data-done="yes"]')) location.reload();
  } catch {
    if (fresh) { fresh.querySelector("[data-said]").textContent = fresh.dataset.stale; fresh.classList.add("stale"); }
  }
}

setInterval(refresh, every);
document.addEventListener("visibilitychange", refresh);
