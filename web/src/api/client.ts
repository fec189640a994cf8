import { complete, type Detail, type Page, type Row, type UsageBucket } from "./types";

/** ApiError is an answer other than 2xx, or none at all (status 0). */
export class ApiError extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

type Params = Record<string, string | undefined>;

/** Called on every 401, so that a session that ends shows the sign-in page wherever the user is. */
let onSignedOut: (() => void) | undefined;
export function whenSignedOut(f: () => void) {
  onSignedOut = f;
}

async function call(method: string, path: string, body?: unknown, signal?: AbortSignal): Promise<Response> {
  let res: Response;
  try {
    res = await fetch("/admin/v1" + path, {
      method,
      headers: body === undefined ? {} : { "content-type": "application/json" },
      body: body === undefined ? null : JSON.stringify(body),
      signal: signal ?? null,
    });
  } catch (err) {
    if (signal?.aborted) throw err;
    throw new ApiError(0, "The gateway cannot be reached.");
  }
  if (res.ok) return res;
  if (res.status === 401) onSignedOut?.();
  throw new ApiError(res.status, (await said(res)) ?? `The gateway answered ${res.status}.`);
}

// said is what the server says went wrong: problem+json, or the error object of a data-plane answer.
async function said(res: Response): Promise<string | undefined> {
  const doc: unknown = await res.json().catch(() => null);
  if (typeof doc !== "object" || doc === null) return undefined;
  const { detail, title, error } = doc as {
    detail?: unknown;
    title?: unknown;
    error?: { message?: unknown };
  };
  return [detail, error?.message, title].find((s): s is string => typeof s === "string" && s !== "");
}

async function get<T>(path: string, params: Params, signal?: AbortSignal): Promise<T> {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(params)) if (value) query.set(name, value);
  const res = await call("GET", query.size > 0 ? `${path}?${query}` : path, undefined, signal);
  return (await res.json()) as T;
}

export const api = {
  session: (signal?: AbortSignal) => get<{ user: string }>("/session", {}, signal),
  signIn: (proof: { key: string } | { link: string }) => call("POST", "/session", proof),
  signOut: () => call("DELETE", "/session"),

  async logs(params: Params, signal?: AbortSignal): Promise<Page<Row>> {
    const page = await get<Page<Row>>("/logs", params, signal);
    return { ...page, items: page.items.map(complete) };
  },
  async log(id: string, signal?: AbortSignal): Promise<Detail> {
    return complete(await get<Detail>(`/logs/${encodeURIComponent(id)}`, {}, signal));
  },
  usage: (params: Params, signal?: AbortSignal) => get<Page<UsageBucket>>("/usage", params, signal),
};
