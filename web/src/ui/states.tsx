/** Loading shows itself only after a moment, so that what is quick does not flicker. */
export function Loading({ what }: { what: string }) {
  return (
    <div className="state late" role="status">
      <span className="spinner" aria-hidden="true" />
      <p>Loading the {what}…</p>
    </div>
  );
}

export function Failure({ title, error, retry }: { title: string; error: string; retry: () => void }) {
  return (
    <div className="state" role="alert">
      <h2>{title}</h2>
      <p>{error}</p>
      <button type="button" onClick={retry}>
        Try again
      </button>
    </div>
  );
}
