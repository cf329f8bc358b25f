-- One row a job. `state` is a code (index.py), `doc` the whole record as msgpack.
CREATE TABLE IF NOT EXISTS jobs (
    seq INTEGER PRIMARY KEY,
    id BLOB NOT NULL UNIQUE,
    rev INTEGER NOT NULL,
    state INTEGER NOT NULL,
    due_ms INTEGER,
    outputs_ms INTEGER,
    doc BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS jobs_due ON jobs (due_ms) WHERE due_ms IS NOT NULL;
CREATE INDEX IF NOT EXISTS jobs_outputs ON jobs (outputs_ms) WHERE outputs_ms IS NOT NULL;

-- What pages are made of, see index.py.
CREATE TABLE IF NOT EXISTS facets (
    facet INTEGER NOT NULL,
    part INTEGER NOT NULL,
    id BLOB NOT NULL,
    PRIMARY KEY (facet, part, id)
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS pairs (
    tenant TEXT NOT NULL,
    operation TEXT NOT NULL,
    kind TEXT NOT NULL,
    PRIMARY KEY (tenant, operation, kind)
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS counts (
    tenant TEXT NOT NULL,
    state INTEGER NOT NULL,
    jobs INTEGER NOT NULL,
    PRIMARY KEY (tenant, state)
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS totals (
    tenant TEXT NOT NULL,
    name TEXT NOT NULL,
    amount INTEGER NOT NULL,
    PRIMARY KEY (tenant, name)
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS ledger (
    tenant TEXT NOT NULL,
    job_id TEXT NOT NULL,
    reason TEXT NOT NULL,
    credits INTEGER NOT NULL,
    at_ms INTEGER NOT NULL,
    PRIMARY KEY (tenant, job_id, reason)
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS accounts (
    tenant TEXT PRIMARY KEY,
    limited INTEGER NOT NULL,
    balance INTEGER NOT NULL,
    spent INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS idempotency (
    tenant TEXT NOT NULL,
    key TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    job_id TEXT NOT NULL,
    expires_ms INTEGER NOT NULL,
    PRIMARY KEY (tenant, key)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS idempotency_expiry ON idempotency (expires_ms);

CREATE TABLE IF NOT EXISTS api_keys (
    hash TEXT PRIMARY KEY,
    info BLOB NOT NULL
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS secrets (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS paused (
    pool TEXT PRIMARY KEY
) WITHOUT ROWID;
