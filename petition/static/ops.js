// Fetch this page every few seconds and replace the elements marked data-live. Without JavaScript, reload the page.
const intervalMilliseconds = 1000 * Number(document.currentScript.dataset.every || 5);
const updated = document.getElementById("updated");

// An element in use is not replaced: a focused control, an open pause form.
function isInUse(part) {
  return part.contains(document.activeElement) && document.activeElement.matches("input, textarea, select, button, summary")
    || part.querySelector("details.pause[open]");
}

function replaceParts(page) {
  for (const part of document.querySelectorAll("[data-live]")) {
    const newer = page.getElementById(part.id);
    if (!newer || newer.outerHTML === part.outerHTML || isInUse(part)) continue;
    const open = [...part.querySelectorAll("details[open]")].map((details) => details.id);
    const focused = document.activeElement === part;
    part.replaceWith(document.adoptNode(newer));
    for (const id of open) document.getElementById(id)?.setAttribute("open", "");
    if (focused) newer.focus({ preventScroll: true });
  }
}

// What the page says may no longer be true: headline and title must not go on saying that mail flows.
function markUnknown() {
  if (updated) { updated.querySelector("[data-label]").textContent = updated.dataset.stale; updated.classList.add("stale"); }
  const health = document.getElementById("health");
  if (!health || health.classList.contains("not-known")) return;
  health.className = "health not-known";
  health.replaceChildren(Object.assign(document.createElement("p"), { className: "headline", textContent: `? ${health.dataset.unknown}` }));
  document.title = `? ${health.dataset.unknown}`;
}

async function refresh() {
  if (document.hidden) return;
  try {
    const answer = await fetch(location.href, { signal: AbortSignal.timeout(4000), credentials: "same-origin" });
    if (answer.redirected || !answer.ok) throw new Error(answer.status);
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    replaceParts(page);
    document.title = page.title;
    const newer = page.getElementById("updated");
    if (updated && newer) { updated.innerHTML = newer.innerHTML; updated.classList.remove("stale"); }
    // A finished action has other buttons, which are not live.
    if (document.querySelector('[data-done="yes"]')) location.reload();
  } catch {
    markUnknown();
  }
}

setInterval(refresh, intervalMilliseconds);
document.addEventListener("visibilitychange", refresh);
