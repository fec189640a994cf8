import { useState, type SyntheticEvent } from "react";
import { signIn } from "./session";
import { ThemeSwitch } from "./shell";
import { Icon } from "./ui/icon";

export function SignIn({ note }: { note: string }) {
  const [error, setError] = useState("");
  const [busy, setBusy] = useState(false);

  const submit = async (e: SyntheticEvent<HTMLFormElement>) => {
    e.preventDefault();
    const key = new FormData(e.currentTarget).get("key");
    if (typeof key !== "string" || key.trim() === "") return;
    setBusy(true);
    setError(await signIn(key.trim()));
    setBusy(false);
  };

  return (
    <main className="signin" id="main">
      <div className="signin-theme">
        <ThemeSwitch />
      </div>
      <form className="card" onSubmit={(e) => void submit(e)}>
        <p className="brand">
          <Icon name="tide" /> Tidegate
        </p>
        <h1>Sign in</h1>
        {note && (
          <p className="notice" role="status">
            {note}
          </p>
        )}
        <label htmlFor="key">Admin key</label>
        <input
          id="key"
          name="key"
          type="password"
          autoComplete="current-password"
          spellCheck={false}
          required
          autoFocus
          aria-describedby={error ? "key-error" : "key-help"}
          aria-invalid={error !== ""}
        />
        {error && (
          <p className="error-text" id="key-error" role="alert">
            {error}
          </p>
        )}
        <button type="submit" className="primary" disabled={busy}>
          {busy ? "Signing in…" : "Sign in"}
        </button>
        <p className="help" id="key-help">
          The key is the gateway’s <code>TIDEGATE_ADMIN_KEY</code>; when none was set, it made one and keeps
          it in its data folder. On this machine the gateway also prints a sign-in link when it starts.
        </p>
      </form>
    </main>
  );
}
