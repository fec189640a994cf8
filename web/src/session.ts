import { useSyncExternalStore } from "react";
import { api, ApiError, whenSignedOut } from "./api/client";

export type Session =
  | { state: "checking" }
  | { state: "in"; user: string }
  | { state: "out"; note: string }
  | { state: "failed"; error: string };

const noAPI =
  "The gateway’s admin API is off: it needs TIDEGATE_ADMIN_KEY where it can be reached from other machines.";

let current: Session = { state: "checking" };
const listeners = new Set<() => void>();

function set(next: Session) {
  current = next;
  for (const f of listeners) f();
}

export function useSession(): Session {
  return useSyncExternalStore(
    (f) => {
      listeners.add(f);
      return () => listeners.delete(f);
    },
    () => current,
  );
}

/** start finds out who is signed in. A sign-in link is used first, and is out of the address bar before it is sent. */
export async function start() {
  whenSignedOut(() => {
    if (current.state === "in") set({ state: "out", note: "Your session has ended. Sign in again." });
  });
  const link = new URLSearchParams(location.hash.slice(1)).get("link");
  if (link) history.replaceState(null, "", location.pathname + location.search);
  const used = link ? await attempt({ link }) : "";
  // A link that was used before does no harm to whoever is signed in already.
  await check(used && "That sign-in link no longer works: it is good once, until the gateway starts again.");
}

/** check asks the server who is signed in; `note` is for the sign-in page, if it comes to that. */
export async function check(note = "") {
  set({ state: "checking" });
  try {
    set({ state: "in", user: (await api.session()).user });
  } catch (err) {
    if (err instanceof ApiError && err.status === 401) set({ state: "out", note });
    else if (err instanceof ApiError && err.status === 404) set({ state: "failed", error: noAPI });
    else set({ state: "failed", error: err instanceof Error ? err.message : String(err) });
  }
}

/** signIn returns what went wrong, or "". */
export async function signIn(key: string): Promise<string> {
  const failed = await attempt({ key });
  if (!failed) await check();
  return failed;
}

async function attempt(proof: { key: string } | { link: string }): Promise<string> {
  try {
    await api.signIn(proof);
    return "";
  } catch (err) {
    if (err instanceof ApiError && (err.status === 401 || err.status === 403))
      return "The gateway does not accept this key.";
    return err instanceof Error ? err.message : String(err);
  }
}

export async function signOut() {
  await api.signOut().catch(() => undefined);
  set({ state: "out", note: "" });
}
