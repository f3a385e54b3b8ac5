-- A store as schema version 2 had it, with something of everything. Never changed.
CREATE TABLE deployment (
  id          INTEGER PRIMARY KEY AUTOINCREMENT,
  service     TEXT NOT NULL,
  image       TEXT NOT NULL,
  tag         TEXT NOT NULL,
  digest      TEXT,
  source      TEXT NOT NULL,
  target      TEXT NOT NULL,
  state       TEXT NOT NULL,
  reason      TEXT,
  attempt     INTEGER NOT NULL DEFAULT 0,
  pushed_at   INTEGER,
  accepted_at INTEGER NOT NULL,
  started_at  INTEGER,
  finished_at INTEGER
) STRICT;
CREATE INDEX deployment_by_service ON deployment (service, id);
CREATE INDEX deployment_waiting ON deployment (id, service) WHERE state = 'waiting';
CREATE INDEX deployment_open ON deployment (state, service) WHERE state IN ('waiting', 'deploying');
CREATE TABLE log_line (
  deployment INTEGER NOT NULL REFERENCES deployment (id) ON DELETE CASCADE,
  sequence   INTEGER NOT NULL,
  at         INTEGER NOT NULL,
  line       TEXT NOT NULL,
  PRIMARY KEY (deployment, sequence)
) STRICT, WITHOUT ROWID;
ALTER TABLE deployment ADD COLUMN cause TEXT NOT NULL DEFAULT 'webhook';
ALTER TABLE deployment ADD COLUMN actor TEXT NOT NULL DEFAULT 'webhook';
ALTER TABLE deployment ADD COLUMN pusher TEXT;
ALTER TABLE deployment ADD COLUMN delivery_id TEXT;
ALTER TABLE deployment ADD COLUMN waiting_for TEXT;
ALTER TABLE deployment ADD COLUMN not_before INTEGER;
ALTER TABLE deployment ADD COLUMN approved_by TEXT;
ALTER TABLE deployment ADD COLUMN interrupted_in TEXT;
ALTER TABLE deployment ADD COLUMN retries INTEGER NOT NULL DEFAULT 0;
ALTER TABLE deployment ADD COLUMN note TEXT;
ALTER TABLE deployment ADD COLUMN first_started_at INTEGER;
ALTER TABLE deployment ADD COLUMN verifying_at INTEGER;
ALTER TABLE deployment ADD COLUMN replaces INTEGER;
ALTER TABLE deployment ADD COLUMN restores INTEGER;
ALTER TABLE deployment ADD COLUMN rolled_back_to TEXT;
ALTER TABLE deployment ADD COLUMN holder TEXT;
ALTER TABLE deployment ADD COLUMN cancel_by TEXT;
ALTER TABLE deployment ADD COLUMN ended_order INTEGER;
UPDATE deployment SET waiting_for = 'turn' WHERE state = 'waiting';
UPDATE deployment SET first_started_at = started_at;

CREATE TABLE transition (
  id         INTEGER PRIMARY KEY AUTOINCREMENT,
  deployment INTEGER NOT NULL REFERENCES deployment (id) ON DELETE CASCADE,
  service    TEXT NOT NULL,
  at         INTEGER NOT NULL,
  state      TEXT NOT NULL,
  reason     TEXT,
  actor      TEXT NOT NULL
) STRICT;
INSERT INTO transition (deployment, service, at, state, reason, actor)
  SELECT id, service, accepted_at, 'accepted', NULL, 'webhook' FROM deployment ORDER BY id;
INSERT INTO transition (deployment, service, at, state, reason, actor)
  SELECT id, service, coalesce(finished_at, started_at, accepted_at), state, reason, 'hook'
  FROM deployment ORDER BY id;
CREATE INDEX transition_by_deployment ON transition (deployment, id);
UPDATE deployment SET ended_order = (SELECT max(id) FROM transition WHERE deployment = deployment.id)
  WHERE state IN ('succeeded', 'failed');

DROP INDEX IF EXISTS deployment_waiting;
DROP INDEX IF EXISTS deployment_open;
CREATE INDEX deployment_by_state ON deployment (state, id);
CREATE INDEX deployment_by_service_and_state ON deployment (service, state, id);
CREATE INDEX deployment_by_tag ON deployment (service, tag, id);
CREATE INDEX deployment_by_delivery ON deployment (service, delivery_id) WHERE delivery_id IS NOT NULL;
CREATE INDEX deployment_succeeded ON deployment (service, ended_order) WHERE state = 'succeeded';
CREATE INDEX deployment_tried ON deployment (service, ended_order)
  WHERE state IN ('succeeded', 'failed', 'rolled-back');

CREATE TABLE service_state (
  service       TEXT PRIMARY KEY,
  paused_at     INTEGER,
  paused_by     TEXT,
  paused_reason TEXT,
  frozen_until  INTEGER,
  frozen_by     TEXT,
  frozen_reason TEXT
) STRICT, WITHOUT ROWID;

CREATE TABLE audit (
  id         INTEGER PRIMARY KEY AUTOINCREMENT,
  at         INTEGER NOT NULL,
  actor      TEXT NOT NULL,
  action     TEXT NOT NULL,
  service    TEXT,
  deployment INTEGER,
  detail     TEXT
) STRICT;
CREATE INDEX audit_by_service ON audit (service, id);

CREATE TABLE outbox (
  id          INTEGER PRIMARY KEY AUTOINCREMENT,
  deployment  INTEGER NOT NULL REFERENCES deployment (id) ON DELETE CASCADE,
  service     TEXT NOT NULL,
  notifier    TEXT NOT NULL,
  event       TEXT NOT NULL,
  payload     TEXT NOT NULL,
  state       TEXT NOT NULL DEFAULT 'pending',
  attempt     INTEGER NOT NULL DEFAULT 0,
  problem     TEXT,
  created_at  INTEGER NOT NULL,
  due_at      INTEGER NOT NULL,
  finished_at INTEGER,
  holder      TEXT
) STRICT;
CREATE INDEX outbox_pending ON outbox (due_at) WHERE state = 'pending';
CREATE INDEX outbox_in_order ON outbox (notifier, service, id) WHERE state = 'pending';
CREATE INDEX outbox_by_deployment ON outbox (deployment);

CREATE TABLE identity (store TEXT NOT NULL) STRICT;
INSERT INTO identity VALUES ('00112233445566aa');
INSERT INTO deployment (service, image, tag, source, target, state, attempt, accepted_at, started_at, first_started_at,
  finished_at, ended_order, waiting_for, retries)
VALUES ('blog', 'stut/blog', 'v1', 'docker-hub', 'command', 'succeeded', 1, 10, 11, 11, 12, 3, NULL, 0),
  ('blog', 'stut/blog', 'v2', 'docker-hub', 'command', 'failed', 1, 20, 21, 21, 22, 6, NULL, 0),
  ('blog', 'stut/blog', 'v3', 'docker-hub', 'command', 'deploying', 1, 30, 31, 31, NULL, NULL, NULL, 0),
  ('blog', 'stut/blog', 'v4', 'docker-hub', 'command', 'waiting', 0, 40, NULL, NULL, NULL, NULL, 'turn', 0);
INSERT INTO transition (deployment, service, at, state, actor)
VALUES (1, 'blog', 10, 'accepted', 'webhook'), (1, 'blog', 11, 'deploying', 'hook'), (1, 'blog', 12, 'succeeded', 'hook'),
  (2, 'blog', 20, 'accepted', 'webhook'), (2, 'blog', 21, 'deploying', 'hook'), (2, 'blog', 22, 'failed', 'hook'),
  (3, 'blog', 30, 'accepted', 'webhook'), (3, 'blog', 31, 'deploying', 'hook'),
  (4, 'blog', 40, 'accepted', 'webhook'), (4, 'blog', 40, 'waiting', 'webhook');
INSERT INTO service_state (service, paused_at, paused_by) VALUES ('shop', 50, 'ann');
INSERT INTO audit (at, actor, action, service) VALUES (50, 'ann', 'pause', 'shop');
INSERT INTO outbox (deployment, service, notifier, event, payload, created_at, due_at)
VALUES (2, 'blog', 'team', 'failed', '{}', 22, 22);
INSERT INTO log_line VALUES (1, 1, 11, 'a line');
PRAGMA user_version = 2;
