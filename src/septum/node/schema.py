"""The tables of the node's database."""

#: Version of the tables, in the file's ``user_version``.
FORMAT = 1
TABLES = """
CREATE TABLE IF NOT EXISTS instance (
    number INTEGER PRIMARY KEY, study TEXT NOT NULL, sop TEXT NOT NULL, file TEXT NOT NULL,
    sha256 TEXT NOT NULL, UNIQUE (study, sop));
CREATE TABLE IF NOT EXISTS other (study TEXT NOT NULL, sop TEXT NOT NULL, PRIMARY KEY (study, sop));
CREATE VIEW IF NOT EXISTS come AS SELECT study, sop FROM instance UNION SELECT study, sop FROM other;
CREATE TABLE IF NOT EXISTS job (
    id INTEGER PRIMARY KEY, study TEXT NOT NULL, version INTEGER NOT NULL, state TEXT NOT NULL,
    reason TEXT NOT NULL, attempts INTEGER NOT NULL, source TEXT NOT NULL, received_at REAL NOT NULL,
    changed_at REAL NOT NULL, next_at REAL NOT NULL, UNIQUE (study, version));
CREATE INDEX IF NOT EXISTS job_state ON job (state, next_at);
CREATE TABLE IF NOT EXISTS history (
    job INTEGER NOT NULL, at REAL NOT NULL, state TEXT NOT NULL, reason TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS result (key TEXT PRIMARY KEY, job INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS object (
    destination TEXT NOT NULL, uid TEXT NOT NULL, job INTEGER NOT NULL, place INTEGER NOT NULL,
    sop_class TEXT NOT NULL, path TEXT NOT NULL, sent_at REAL, PRIMARY KEY (destination, uid));
CREATE INDEX IF NOT EXISTS object_uid ON object (uid);
CREATE INDEX IF NOT EXISTS object_job ON object (job, destination);
CREATE INDEX IF NOT EXISTS object_unsent ON object (destination) WHERE sent_at IS NULL;
CREATE TABLE IF NOT EXISTS delivery (
    job INTEGER NOT NULL, destination TEXT NOT NULL, state TEXT NOT NULL, reason TEXT NOT NULL,
    attempts INTEGER NOT NULL, next_at REAL NOT NULL, PRIMARY KEY (job, destination));
CREATE INDEX IF NOT EXISTS delivery_due ON delivery (destination, state, next_at);
CREATE TABLE IF NOT EXISTS begun (
    job INTEGER NOT NULL, destination TEXT NOT NULL, PRIMARY KEY (job, destination));
CREATE TABLE IF NOT EXISTS watch (
    source TEXT NOT NULL, remote TEXT NOT NULL, study TEXT NOT NULL, instances INTEGER NOT NULL,
    agrees INTEGER NOT NULL, changed_at REAL NOT NULL, PRIMARY KEY (source, remote));
CREATE TABLE IF NOT EXISTS cursor (name TEXT PRIMARY KEY, value INTEGER NOT NULL);
"""
