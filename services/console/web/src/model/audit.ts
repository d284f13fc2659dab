import { Actor_Kind, type AuditEntry } from "../gen/tenantry/audit/v1/audit_service_pb";

/** GroupCreateRequested → "Group create requested". */
export function eventWords(type: string): string {
  const words = type.replace(/([a-z0-9])([A-Z])/g, "$1 $2").toLowerCase();
  return words.charAt(0).toUpperCase() + words.slice(1);
}

export function actorWords(entry: AuditEntry): string {
  const actor = entry.actor;
  if (!actor) return "unknown";
  if (actor.kind === Actor_Kind.FIELD_MANAGER) return `${actor.name} (field manager)`;
  if (actor.kind === Actor_Kind.SYSTEM) return `${actor.name} (Tenantry)`;
  return actor.name || "unknown";
}
