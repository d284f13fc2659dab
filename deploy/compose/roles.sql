-- Roles and databases; the passwords are good behind a network namespace that publishes no database port.
CREATE ROLE tenantry_service;
CREATE ROLE tenantry_owner LOGIN PASSWORD 'owner';
CREATE ROLE tenantry_identity LOGIN PASSWORD 'identity';
CREATE ROLE tenantry_tenant LOGIN PASSWORD 'tenant';
CREATE ROLE tenantry_showback LOGIN PASSWORD 'showback';
GRANT tenantry_service TO tenantry_identity, tenantry_tenant, tenantry_showback;

CREATE DATABASE identity OWNER tenantry_owner;
CREATE DATABASE tenant OWNER tenantry_owner;
CREATE DATABASE showback OWNER tenantry_owner;
REVOKE ALL ON DATABASE identity, tenant, showback FROM PUBLIC;
GRANT CONNECT ON DATABASE identity TO tenantry_identity;
GRANT CONNECT ON DATABASE tenant TO tenantry_tenant;
GRANT CONNECT ON DATABASE showback TO tenantry_showback;
