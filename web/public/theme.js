// Sets the theme before the first paint, so that the page does not flash. The rest of the theme lives in src/theme.
(() => {
  let choice = "system";
  try {
    choice = JSON.parse(localStorage.getItem("lanternfish.preferences") ?? "{}").state?.theme ?? "system";
  } catch {
    // Storage may be switched off; the system's theme holds then.
  }
  const isDark = choice === "dark" || (choice === "system" && !matchMedia("(prefers-color-scheme: light)").matches);
  document.documentElement.dataset.theme = isDark ? "dark" : "light";
})();
