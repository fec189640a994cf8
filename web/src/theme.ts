import { useSyncExternalStore } from "react";

export type Theme = "system" | "light" | "dark";

const name = "tidegate.theme"; // public/theme.js reads it before the first paint
const listeners = new Set<() => void>();

function read(): Theme {
  const theme = document.documentElement.dataset.theme;
  return theme === "light" || theme === "dark" ? theme : "system";
}

export function setTheme(theme: Theme) {
  if (theme === "system") {
    delete document.documentElement.dataset.theme;
    localStorage.removeItem(name);
  } else {
    document.documentElement.dataset.theme = theme;
    localStorage.setItem(name, theme);
  }
  for (const f of listeners) f();
}

export function useTheme(): Theme {
  return useSyncExternalStore((f) => {
    listeners.add(f);
    return () => listeners.delete(f);
  }, read);
}
