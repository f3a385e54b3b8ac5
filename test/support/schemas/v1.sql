-- A store as schema version 1 had it, with something of everything. Never changed.
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
INSERT INTO deployment (service, image, tag, source, target, state, attempt, accepted_at, started_at, finished_at)
VALUES ('blog', 'stut/blog', 'v1', 'docker-hub', 'command', 'succeeded', 1, 10, 11, 12),
  ('blog', 'stut/blog', 'v2', 'docker-hub', 'command', 'failed', 1, 20, 21, 22),
  ('blog', 'stut/blog', 'v3', 'docker-hub', 'command', 'deploying', 1, 30, 31, NULL),
  ('blog', 'stut/blog', 'v4', 'docker-hub', 'command', 'waiting', 0, 40, NULL, NULL);
INSERT INTO log_line VALUES (1, 1, 11, 'a line');
PRAGMA user_version = 1;
