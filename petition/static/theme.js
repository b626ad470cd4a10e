// Dark where the reader's system is dark; in the head and not deferred, so that no page flashes white.
const dark = window.matchMedia("(prefers-color-scheme: dark)");
const applyTheme = () => { document.documentElement.dataset.bsTheme = dark.matches ? "dark" : "light"; };
applyTheme();
dark.addEventListener("change", applyTheme);
