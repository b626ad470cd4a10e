// The form while its petition is attacked: solve a challenge (altcha.org) in workers, and send the solution along. It
// begins when somebody fills in the form; whoever submits before it is done waits. Where it fails, the form goes without,
// as where no script runs.
const box = document.querySelector("[data-challenge]"), form = box.closest("form"), field = form.elements.altcha, unchecked = form.elements.unchecked;
const note = box.querySelector("[role=status]"), maxAge = 15 * 60 * 1000, timeout = 60000; // milliseconds
let solving = null, solvedAt = 0, failed = false, waiting = false;

async function solve() {
  note.textContent = box.dataset.working;
  const response = await fetch(box.dataset.challenge);
  if (!response.ok) throw new Error(response.status);
  const challenge = await response.json(), workers = [];
  const counterStep = Math.max(1, Math.min(4, navigator.hardwareConcurrency || 1));
  try {
    const solution = await Promise.any(Array.from({length: counterStep}, (_, counterStart) => new Promise((resolve, reject) => {
      const worker = new Worker(box.dataset.worker);
      workers.push(worker);
      worker.onmessage = ({data}) => data?.derivedKey ? resolve(data) : reject(new Error("no solution"));
      worker.onerror = reject;
      worker.postMessage({type: "work", challenge, counterStart, counterStep, timeout});
    })));
    field.value = btoa(JSON.stringify({challenge, solution}));
    solvedAt = Date.now();
    note.textContent = box.dataset.done;
  } finally {
    for (const worker of workers) worker.terminate();
  }
}
function begin() {
  solving ??= solve().catch(() => { failed = true; unchecked.disabled = false; note.textContent = ""; });
  return solving;
}
function forget() { field.value = ""; solving = null; waiting = false; note.textContent = ""; }

unchecked.disabled = true;
box.querySelector("[data-unchecked]").hidden = true;
forget(); // what a browser restores was used
addEventListener("pageshow", (event) => { if (event.persisted) forget(); });
// Not on a button: what moves under the pointer is not pressed.
form.addEventListener("focusin", ({target}) => { if (!target.matches("button, summary, a")) begin(); });
form.addEventListener("submit", async (event) => {
  if (failed) return;
  if (field.value && Date.now() - solvedAt < maxAge) return;
  event.preventDefault();
  if (waiting) return;
  if (field.value) forget();
  waiting = true;
  await begin();
  waiting = false;
  form.requestSubmit(event.submitter);
});
