// Two tenants of the test's own on the shared stack: one of bear's, one of somebody else's.
import { execFileSync } from "node:child_process";

const suffix = process.pid.toString(36);
export const quota = `browser-${suffix}`;
export const ownTenant = `browser-bear-${suffix}`;
export const foreignTenant = `browser-other-${suffix}`;
export const ownNamespace = `${ownTenant}-dev`;

function kubectl(args, input) {
  return execFileSync("kubectl", args, { input, encoding: "utf8", stdio: ["pipe", "pipe", "inherit"] });
}

function tenant(name, owner) {
  return {
    apiVersion: "tenantoperator.stakater.com/v1beta3",
    kind: "Tenant",
    metadata: { name },
    spec: {
      quota,
      desc: "Made by the browser test",
      accessControl: { owners: { users: [owner] } },
      namespaces: { withTenantPrefix: ["dev", "build"], onDeletePurgeNamespaces: true },
    },
  };
}

export function make() {
  const budget = {
    apiVersion: "tenantoperator.stakater.com/v1beta1",
    kind: "Quota",
    metadata: { name: quota },
    spec: { resourcequota: { hard: { secrets: "10", memory: "8Gi" } } },
  };
  const items = [budget, tenant(ownTenant, "bear@nordmart.com"), tenant(foreignTenant, "falcon@nordmart.com")];
  kubectl(["apply", "-f", "-"], JSON.stringify({ apiVersion: "v1", kind: "List", items }));
  kubectl(["wait", "--for=condition=Ready", "--timeout=90s", `tenant/${ownTenant}`, `tenant/${foreignTenant}`]);
  kubectl(["create", "secret", "generic", "one", "-n", ownNamespace]);
}

/** Gives a binding of bear's tenant to somebody else, as `manager`: that is put back a moment later. */
export function meddle(manager) {
  const subjects = [{ kind: "User", name: "crow@nordmart.com", apiGroup: "rbac.authorization.k8s.io" }];
  const patch = ["--type=merge", "-p", JSON.stringify({ subjects })];
  kubectl(["patch", "rolebinding", "tenant-owner-admin", "-n", ownNamespace, `--field-manager=${manager}`, ...patch]);
}

export function remove() {
  kubectl(["delete", "--ignore-not-found", "--wait=true", "--timeout=60s", `tenant/${ownTenant}`, `tenant/${foreignTenant}`]);
  kubectl(["delete", "--ignore-not-found", `quota.tenantoperator.stakater.com/${quota}`]);
}
