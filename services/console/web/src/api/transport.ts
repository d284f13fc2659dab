import { createClient, type Client } from "@connectrpc/connect";
import { createGrpcWebTransport } from "@connectrpc/connect-web";
import { AuditService } from "../gen/tenantry/audit/v1/audit_service_pb";
import { SessionService } from "../gen/tenantry/console/v1/session_service_pb";
import { ShowbackService } from "../gen/tenantry/showback/v1/showback_service_pb";
import { TenantService } from "../gen/tenantry/tenant/v1/tenant_service_pb";

/** Longer than the gateway's own deadline, so that its words arrive. */
const ANSWER_MAX_MS = 25_000;

function transport(name: string) {
  return createGrpcWebTransport({ baseUrl: `/api/${name}`, defaultTimeoutMs: ANSWER_MAX_MS });
}

const toIdentity = transport("identity");
const toTenant = transport("tenant");
const toShowback = transport("showback");

export const sessions = createClient(SessionService, transport("console"));
export const tenants = createClient(TenantService, toTenant);
export const showback = createClient(ShowbackService, toShowback);

/** The event log of each service; each has its own. */
export const audits: Record<AuditSource, Client<typeof AuditService>> = {
  identity: createClient(AuditService, toIdentity),
  tenant: createClient(AuditService, toTenant),
  showback: createClient(AuditService, toShowback),
};

export type AuditSource = "identity" | "tenant" | "showback";
export const auditSources: readonly AuditSource[] = ["identity", "tenant", "showback"];
