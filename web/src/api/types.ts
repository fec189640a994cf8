// The shapes of the admin API, as far as the console reads them.

export type Outcome = "ok" | "error" | "truncated" | "canceled";
export type CostState = "priced" | "billed" | "unpriced" | "free";
export type UsageSource = "reported" | "partial" | "estimated";

/** A decimal number of US dollars. Nano-dollars do not fit a float, so it stays text until it is shown. */
export type Dollars = string | number;

export interface Cost {
  cost_usd: Dollars | null;
  cost_state: CostState;
}

/** Attempt is one call of one provider. Durations are milliseconds, counted from its own `at`. */
export interface Attempt extends Cost {
  n: number;
  provider: string;
  model: string;
  credential: string;
  at: string;
  first_byte_ms: number;
  total_ms: number;
  status: number;
  class: string;
  code: string;
  message: string;
  sent: boolean;
  usage: Record<string, number>;
  usage_source: UsageSource;
  price_version: string;
}

/** Row is one exchange. Durations are milliseconds, counted from `at`. */
export interface Row extends Cost {
  id: string;
  at: string;
  surface: string;
  method: string;
  path: string;
  key: string;
  team: string;
  user: string;
  end_user: string;
  session: string;
  task: string;
  tags: string[];
  metadata: Record<string, string>;
  trace: string;
  span: string;
  parent: string;
  called: string;
  stream: boolean;
  provider: string;
  model: string;
  route: string;
  status: number;
  outcome: Outcome;
  class: string;
  code: string;
  message: string;
  cache: string;
  dropped: string[];
  stop: string;
  first_byte_ms: number;
  total_ms: number;
  overhead_us: number;
  bytes_in: number;
  bytes_out: number;
  bodies: boolean;
  input_tokens: number;
  output_tokens: number;
  attempts: Attempt[];
}

export interface Message {
  headers: Record<string, string>;
  body: string;
}

export interface Detail extends Row {
  request?: Message | null;
  response?: (Message & { cut: boolean }) | null;
  upstream?: { body: string } | null;
}

export interface Page<T> {
  items: T[];
  next: string | null;
}

export interface UsageBucket {
  at: string;
  requests: number;
  errors: number;
  input_tokens: number;
  output_tokens: number;
  cost_usd: Dollars | null; // of what has a price
  unpriced: number; // provider calls that are not in cost_usd
  p50_ms: number;
  p95_ms: number;
}

// An absent list or object is an empty one: Go writes null for both.
type Nullable<T> = { [K in keyof T]: T[K] | null };

/** complete fills in what a server may leave out, so that nothing else has to ask. */
export function complete<T extends Row>(row: T): T {
  const given: Nullable<Row> = row;
  return {
    ...row,
    tags: given.tags ?? [],
    metadata: given.metadata ?? {},
    dropped: given.dropped ?? [],
    attempts: (given.attempts ?? []).map((a) => ({ ...a, usage: (a as Nullable<Attempt>).usage ?? {} })),
  };
}
