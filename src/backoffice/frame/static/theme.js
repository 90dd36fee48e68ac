// Before anything is painted: light or dark, as the system says, also when it changes.
(() => {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const follow = () => {
    document.documentElement.dataset.bsTheme = dark.matches ? "dark" : "light";
    document.dispatchEvent(new Event("laurel:theme"));
  };
  dark.addEventListener("change", follow);
  follow();
})();
