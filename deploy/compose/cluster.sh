#!/bin/sh
# What the cluster holds before the first service starts: definitions, rights, policies, nodes, and a token for each service.
set -eu

until kubectl get --raw /readyz >/dev/null 2>&1; do sleep 1; done
until kubectl get serviceaccount default -n default >/dev/null 2>&1; do sleep 1; done

apply() { kubectl apply --server-side --force-conflicts --field-manager=tenantry-dev -f "$1"; }

apply /deploy/dev/manifests/base
apply /deploy/crds
kubectl wait --for=condition=Established crd --all --timeout=30s
apply /deploy/rbac
apply /deploy/policies
apply /deploy/dev/manifests/platform
kubectl apply --server-side --field-manager=eks -f /compose/nodes.yaml
# Only where absent: aws-auth is edited by the identity service afterwards.
kubectl get configmap aws-auth -n kube-system >/dev/null 2>&1 || kubectl create -f /deploy/dev/manifests/aws-auth.yaml

for service in identity tenant showback console; do
  file=/state/kubeconfigs/$service.yaml
  token=$(kubectl create token "tenantry-$service" -n multi-tenant-operator --duration=8760h)
  sed "s/\"token\": \"[^\"]*\"/\"token\": \"$token\"/" /state/kubeconfigs/admin.yaml >"$file"
  chmod 0644 "$file"
done
