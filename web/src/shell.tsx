import type { ReactNode } from "react";
import { Link, usePath } from "./router";
import { signOut } from "./session";
import { setTheme, useTheme, type Theme } from "./theme";
import { Icon, type IconName } from "./ui/icon";

export function Shell({ user, children }: { user: string; children: ReactNode }) {
  const { path } = usePath();
  return (
    <>
      <a className="skip" href="#main">
        Skip to the content
      </a>
      <header className="bar">
        <Link className="brand" to="/requests">
          <Icon name="tide" /> Tidegate
        </Link>
        <nav aria-label="Pages">
          <Link to="/requests" aria-current={path.startsWith("/requests") ? "page" : undefined}>
            Requests
          </Link>
        </nav>
        <div className="bar-end">
          <span className="bar-user">{user}</span>
          <ThemeSwitch />
          <button type="button" className="quiet" onClick={() => void signOut()}>
            Sign out
          </button>
        </div>
      </header>
      {children}
    </>
  );
}

const themes: Record<Theme, { next: Theme; icon: IconName; label: string }> = {
  system: { next: "light", icon: "auto", label: "as the system" },
  light: { next: "dark", icon: "sun", label: "light" },
  dark: { next: "system", icon: "moon", label: "dark" },
};

export function ThemeSwitch() {
  const { next, icon, label } = themes[useTheme()];
  const says = `Theme: ${label}. Switch to ${themes[next].label}.`;
  return (
    <button
      type="button"
      className="quiet icon-only"
      aria-label={says}
      title={says}
      onClick={() => setTheme(next)}
    >
      <Icon name={icon} />
    </button>
  );
}
