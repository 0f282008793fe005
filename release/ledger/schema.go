package ledger

// applicationID marks the file as a ledger: "slgc" (SQLite, "PRAGMA application_id").
const applicationID = 0x736c6763

// migrations lead from one schema to the next: the first makes schema 1.
var migrations = []string{`
CREATE TABLE apps (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT NOT NULL CHECK (name <> ''),
  created_at TEXT NOT NULL,
  destroyed_at TEXT
) STRICT;
CREATE UNIQUE INDEX living_apps ON apps (name) WHERE destroyed_at IS NULL;

-- sealed is NULL once the app is destroyed
CREATE TABLE snapshots (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  app INTEGER NOT NULL REFERENCES apps (id),
  names TEXT NOT NULL,
  recipient TEXT NOT NULL,
  sealed BLOB
) STRICT;

CREATE TABLE releases (
  app INTEGER NOT NULL REFERENCES apps (id),
  number INTEGER NOT NULL,
  artifact TEXT NOT NULL,
  digest TEXT NOT NULL,
  snapshot INTEGER NOT NULL REFERENCES snapshots (id),
  description TEXT NOT NULL,
  author TEXT NOT NULL,
  created_at TEXT NOT NULL,
  status TEXT NOT NULL CHECK (status IN ('pending', 'succeeded', 'failed')),
  reason TEXT NOT NULL,
  output BLOB,
  checksum TEXT NOT NULL,
  PRIMARY KEY (app, number)
) STRICT;

CREATE TRIGGER releases_are_numbered BEFORE INSERT ON releases
WHEN NEW.number <> 1 + (SELECT coalesce(max(number), 0) FROM releases WHERE app = NEW.app)
BEGIN SELECT raise(ABORT, 'a release has the number after the last'); END;

CREATE TRIGGER releases_end_once BEFORE UPDATE ON releases
WHEN OLD.status <> 'pending' OR NEW.status = 'pending'
  OR NEW.app <> OLD.app OR NEW.number <> OLD.number OR NEW.artifact <> OLD.artifact OR NEW.digest <> OLD.digest
  OR NEW.snapshot <> OLD.snapshot OR NEW.description <> OLD.description OR NEW.author <> OLD.author
  OR NEW.created_at <> OLD.created_at
BEGIN SELECT raise(ABORT, 'a release never changes'); END;

CREATE TRIGGER releases_stay BEFORE DELETE ON releases
BEGIN SELECT raise(ABORT, 'a release is never deleted'); END;

CREATE TRIGGER snapshots_end_with_the_app BEFORE UPDATE ON snapshots
WHEN NEW.sealed IS NOT NULL OR NEW.id <> OLD.id OR NEW.app <> OLD.app OR NEW.names <> OLD.names OR NEW.recipient <> OLD.recipient
  OR (SELECT destroyed_at FROM apps WHERE id = OLD.app) IS NULL
BEGIN SELECT raise(ABORT, 'a config never changes'); END;

CREATE TRIGGER snapshots_stay BEFORE DELETE ON snapshots
BEGIN SELECT raise(ABORT, 'a config is never deleted'); END;

CREATE TRIGGER apps_end_once BEFORE UPDATE ON apps
WHEN OLD.destroyed_at IS NOT NULL OR NEW.id <> OLD.id OR NEW.name <> OLD.name OR NEW.created_at <> OLD.created_at
BEGIN SELECT raise(ABORT, 'an app never changes'); END;

CREATE TRIGGER apps_stay BEFORE DELETE ON apps
BEGIN SELECT raise(ABORT, 'an app is never deleted'); END;
`, `
-- record is the build as JSON; the columns are what it is looked up by
CREATE TABLE builds (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  app TEXT NOT NULL CHECK (app <> ''),
  branch TEXT NOT NULL,
  key TEXT,
  again INTEGER NOT NULL,
  mine INTEGER NOT NULL,
  status TEXT NOT NULL CHECK (status IN ('waiting', 'running', 'succeeded', 'failed', 'cancelled', 'superseded', 'abandoned')),
  turn INTEGER NOT NULL,
  most INTEGER NOT NULL,
  ended_at INTEGER CHECK ((ended_at IS NULL) = (status IN ('waiting', 'running'))),
  record TEXT NOT NULL,
  checksum TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX orders_are_made_once ON builds (key) WHERE key IS NOT NULL;
CREATE UNIQUE INDEX one_build_of_an_app_runs ON builds (app) WHERE status = 'running';
CREATE INDEX builds_of_apps ON builds (app, id);
CREATE INDEX builds_that_have_not_ended ON builds (status, app, id) WHERE ended_at IS NULL;
CREATE INDEX turns_of_apps ON builds (app, turn);
CREATE INDEX turns ON builds (turn);

CREATE TRIGGER builds_go_forward BEFORE UPDATE ON builds
WHEN OLD.ended_at IS NOT NULL OR OLD.status = 'running' AND NEW.status = 'waiting'
  OR NEW.id <> OLD.id OR NEW.app <> OLD.app OR NEW.branch <> OLD.branch OR NEW.key IS NOT OLD.key OR NEW.again <> OLD.again OR NEW.mine <> OLD.mine
BEGIN SELECT raise(ABORT, 'a build that ended never changes'); END;

CREATE TRIGGER builds_stay_until_they_end BEFORE DELETE ON builds
WHEN OLD.ended_at IS NULL
BEGIN SELECT raise(ABORT, 'a build that has not ended is never deleted'); END;
`, `
CREATE TABLE hooks (
  app TEXT PRIMARY KEY CHECK (app <> ''),
  rule TEXT NOT NULL,
  sealed BLOB NOT NULL,
  checksum TEXT NOT NULL
) STRICT;
`}
