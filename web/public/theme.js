// Runs before the first paint, so that a theme chosen by hand does not flash in the other one. src/theme.ts writes the value.
{
  const theme = localStorage.getItem("tidegate.theme");
  if (theme) document.documentElement.dataset.theme = theme;
}
