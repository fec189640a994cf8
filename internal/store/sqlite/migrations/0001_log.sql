-- Times are nanoseconds since 1970, durations nanoseconds, ids 16 bytes. Texts that a record does not have are ''.

-- One row per exchange.
CREATE TABLE exchanges (
  n          INTEGER PRIMARY KEY,
  id         BLOB    NOT NULL UNIQUE,
  at         INTEGER NOT NULL,
  surface    TEXT    NOT NULL,
  method     TEXT    NOT NULL,
  path       TEXT    NOT NULL,
  key        TEXT    NOT NULL,
  org        TEXT    NOT NULL,
  team       TEXT    NOT NULL,
  user       TEXT    NOT NULL,
  end_user   TEXT    NOT NULL,
  session    TEXT    NOT NULL,
  task       TEXT    NOT NULL,
  tags       TEXT,              -- JSON array
  metadata   TEXT,              -- JSON object
  trace      TEXT    NOT NULL,
  span       TEXT    NOT NULL,
  parent     TEXT    NOT NULL,
  called     TEXT    NOT NULL,
  stream     INTEGER NOT NULL,
  provider   TEXT    NOT NULL,
  model      TEXT    NOT NULL,
  route      TEXT    NOT NULL,
  status     INTEGER NOT NULL,
  outcome    TEXT    NOT NULL,
  class      TEXT    NOT NULL,
  code       TEXT    NOT NULL,
  message    TEXT    NOT NULL,
  cache      TEXT    NOT NULL,
  saved      INTEGER NOT NULL,  -- billionths of a US dollar
  dropped    TEXT,              -- JSON array
  stop       TEXT    NOT NULL,
  first_byte INTEGER NOT NULL,
  total      INTEGER NOT NULL,
  overhead   INTEGER NOT NULL,
  bytes_in   INTEGER NOT NULL,
  bytes_out  INTEGER NOT NULL,
  chunk      INTEGER,           -- chunks.n with its bodies; the chunk may be gone
  chunk_off  INTEGER,
  chunk_len  INTEGER
) STRICT;
CREATE INDEX exchanges_at ON exchanges (at, id);
CREATE INDEX exchanges_key ON exchanges (key, at, id);
CREATE INDEX exchanges_session ON exchanges (session, at, id) WHERE session <> '';
CREATE INDEX exchanges_failed ON exchanges (at, id) WHERE outcome <> 'ok';

-- One row per attempt: what was consumed and what it cost. Money is billionths of a US dollar, NULL when no price is known.
CREATE TABLE ledger (
  exchange             BLOB    NOT NULL,
  n                    INTEGER NOT NULL,
  provider             TEXT    NOT NULL,
  model                TEXT    NOT NULL,
  credential           TEXT    NOT NULL,
  at                   INTEGER NOT NULL,
  first_byte           INTEGER NOT NULL,
  total                INTEGER NOT NULL,
  status               INTEGER NOT NULL,
  class                TEXT    NOT NULL,
  code                 TEXT    NOT NULL,
  message              TEXT    NOT NULL,
  sent                 INTEGER NOT NULL,
  input_text           INTEGER NOT NULL,
  input_cache_read     INTEGER NOT NULL,
  input_cache_write_5m INTEGER NOT NULL,
  input_cache_write_1h INTEGER NOT NULL,
  input_audio          INTEGER NOT NULL,
  input_image          INTEGER NOT NULL,
  output_text          INTEGER NOT NULL,
  output_reasoning     INTEGER NOT NULL,
  output_audio         INTEGER NOT NULL,
  output_image         INTEGER NOT NULL,
  searches             INTEGER NOT NULL,
  audio_millis         INTEGER NOT NULL,
  characters           INTEGER NOT NULL,
  images               INTEGER NOT NULL,
  source               TEXT    NOT NULL,
  tier                 TEXT    NOT NULL,
  billed               TEXT    NOT NULL,
  raw                  TEXT,             -- JSON, as the provider sent it
  cost_nano            INTEGER,
  cost_state           TEXT    NOT NULL,
  price_version        TEXT    NOT NULL,
  PRIMARY KEY (exchange, n)
) STRICT, WITHOUT ROWID;

-- Bodies of several exchanges, compressed together with zstd. at comes before data: reading it must not fetch data.
CREATE TABLE chunks (
  n    INTEGER PRIMARY KEY AUTOINCREMENT,
  at   INTEGER NOT NULL,
  raw  INTEGER NOT NULL,
  data BLOB    NOT NULL
) STRICT;

-- What exchanges and ledger add up to per hour, kept by the same transaction that writes them, so that a dashboard need not
-- read millions of rows. at is the beginning of the hour; provider and model are the target's. What can have very many values
-- has no column: end users, sessions, tags, metadata.
CREATE TABLE hourly (
  at                   INTEGER NOT NULL,
  key                  TEXT    NOT NULL,
  org                  TEXT    NOT NULL,
  team                 TEXT    NOT NULL,
  user                 TEXT    NOT NULL,
  task                 TEXT    NOT NULL,
  called               TEXT    NOT NULL,
  path                 TEXT    NOT NULL,
  provider             TEXT    NOT NULL,
  model                TEXT    NOT NULL,
  requests             INTEGER NOT NULL,
  errors               INTEGER NOT NULL,
  hits                 INTEGER NOT NULL,
  saved                INTEGER NOT NULL,
  attempts             INTEGER NOT NULL,
  input_text           INTEGER NOT NULL,
  input_cache_read     INTEGER NOT NULL,
  input_cache_write_5m INTEGER NOT NULL,
  input_cache_write_1h INTEGER NOT NULL,
  input_audio          INTEGER NOT NULL,
  input_image          INTEGER NOT NULL,
  output_text          INTEGER NOT NULL,
  output_reasoning     INTEGER NOT NULL,
  output_audio         INTEGER NOT NULL,
  output_image         INTEGER NOT NULL,
  searches             INTEGER NOT NULL,
  audio_millis         INTEGER NOT NULL,
  characters           INTEGER NOT NULL,
  images               INTEGER NOT NULL,
  cost                 INTEGER NOT NULL,
  unpriced             INTEGER NOT NULL,
  PRIMARY KEY (at, key, org, team, user, task, called, path, provider, model)
) STRICT, WITHOUT ROWID;
