// A form that needs no decision: pressed as soon as it is shown, but not again when somebody comes back to it.
const form = document.querySelector("form[data-submit-once]");
const [navigation] = performance.getEntriesByType("navigation");
if (form && navigation?.type === "navigate") form.requestSubmit();
