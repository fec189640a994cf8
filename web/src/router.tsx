import { useSyncExternalStore, type AnchorHTMLAttributes, type MouseEvent } from "react";

const base = import.meta.env.BASE_URL.replace(/\/$/, ""); // "/console"
history.scrollRestoration = "manual"; // every page knows where it was left
const listeners = new Set<() => void>();
const notify = () => {
  for (const f of listeners) f();
};

function subscribe(f: () => void) {
  listeners.add(f);
  window.addEventListener("popstate", f);
  return () => {
    listeners.delete(f);
    window.removeEventListener("popstate", f);
  };
}

/** usePath is the path below /console and the query, and follows both. */
export function usePath(): { path: string; search: string } {
  const path = useSyncExternalStore(subscribe, () => location.pathname);
  const search = useSyncExternalStore(subscribe, () => location.search);
  return { path: path.startsWith(base) ? path.slice(base.length) || "/" : "/", search };
}

/** navigate goes to a path below /console. `replace` leaves no step to go back to. */
export function navigate(to: string, { replace = false } = {}) {
  if (replace) history.replaceState(history.state, "", base + to);
  else history.pushState({ from: location.pathname.slice(base.length) + location.search }, "", base + to);
  notify();
}

/** cameFrom is the path that led here by a link, or "". */
export function cameFrom(): string {
  const state = history.state as { from?: unknown } | null;
  return typeof state?.from === "string" ? state.from : "";
}

type LinkProps = Omit<AnchorHTMLAttributes<HTMLAnchorElement>, "href"> & { to: string };

/** Link is an ordinary link that does not reload the page; with a modifier key it does what the browser does. */
export function Link({ to, onClick, ...rest }: LinkProps) {
  const follow = (e: MouseEvent<HTMLAnchorElement>) => {
    onClick?.(e);
    if (e.defaultPrevented || e.button !== 0 || e.metaKey || e.ctrlKey || e.shiftKey || e.altKey) return;
    e.preventDefault();
    navigate(to);
  };
  return <a href={base + to} onClick={follow} {...rest} />;
}
