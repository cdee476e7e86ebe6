-- Roles and the database. Applied by bootstrap.sh as superuser, as often as one likes; it also sets the passwords anew.
-- Needs the psql variables owner_password, service_password and replication_password (given on standard input, never as
-- arguments).
\set ON_ERROR_STOP on
\set QUIET on

-- The statements below hold passwords: keep them out of the server's log, even when they fail.
SET log_min_duration_statement = -1;
SET log_min_error_statement = panic;
SET log_statement = none;
SET client_min_messages = warning;
SET password_encryption = 'scram-sha-256';

-- quantum_owner owns the schema and runs the migrations; quantum is what the services are: rows, but no tables;
-- quantum_replication is what a standby is (Patroni makes it too where it makes a new database).
SELECT format('CREATE ROLE %I', role)
  FROM (VALUES ('quantum_owner'), ('quantum'), ('quantum_replication')) AS wanted (role)
 WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role)
\gexec

ALTER ROLE quantum_owner LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION PASSWORD :'owner_password';
ALTER ROLE quantum LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION PASSWORD :'service_password';
ALTER ROLE quantum_replication LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE REPLICATION PASSWORD :'replication_password';

SELECT 'CREATE DATABASE quantum_trader OWNER quantum_owner'
 WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'quantum_trader')
\gexec

REVOKE ALL ON DATABASE quantum_trader FROM PUBLIC;
GRANT CONNECT ON DATABASE quantum_trader TO quantum;

\connect quantum_trader
SET client_min_messages = warning;

-- Restores are checked with it (pg_amcheck); the mark that they are restored to is set by the owner.
CREATE EXTENSION IF NOT EXISTS amcheck;
GRANT EXECUTE ON FUNCTION pg_create_restore_point(text) TO quantum_owner;

REVOKE CREATE ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO quantum;
GRANT CREATE, USAGE ON SCHEMA public TO quantum_owner;

-- Whatever a migration makes, the services may use.
ALTER DEFAULT PRIVILEGES FOR ROLE quantum_owner IN SCHEMA public
  GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO quantum;
ALTER DEFAULT PRIVILEGES FOR ROLE quantum_owner IN SCHEMA public GRANT USAGE, SELECT ON SEQUENCES TO quantum;
ALTER DEFAULT PRIVILEGES FOR ROLE quantum_owner IN SCHEMA public GRANT EXECUTE ON FUNCTIONS TO quantum;
