#!/bin/sh
# Gives the services their identities in the compose file's cluster. Runs in the k3s image, which brings kubectl.
# Reads deploy/kubernetes; writes each service a kubeconfig with a token of its own ServiceAccount,
# into a volume that only that service mounts.
set -eu

export KUBECONFIG=/tmp/admin.yaml
server=https://k3s:6443
sed "s#https://127.0.0.1:6443#$server#" /admin/kubeconfig.yaml > "$KUBECONFIG"

for manifest in /setup/kubernetes/crds/*.yaml /setup/kubernetes/argo/*.yaml /setup/kubernetes/*.yaml /setup/prometheus.yaml; do
  kubectl apply -f "$manifest"
done

authority=$(kubectl config view --raw -o 'jsonpath={.clusters[0].cluster.certificate-authority-data}')

for service in workload-controller traffic-shifter metrics-analyzer rollout-operator prometheus; do
  token=$(kubectl create token "$service" --namespace tidegate-system --duration 720h)
  cat > "/identities/$service/kubeconfig.new" <<EOF
apiVersion: v1
kind: Config
clusters: [{name: k3s, cluster: {server: "$server", certificate-authority-data: $authority}}]
users: [{name: $service, user: {token: $token}}]
contexts: [{name: k3s, context: {cluster: k3s, user: $service}}]
current-context: k3s
EOF
  # The services run as 65532, Prometheus as nobody.
  chmod 0444 "/identities/$service/kubeconfig.new"
  mv "/identities/$service/kubeconfig.new" "/identities/$service/kubeconfig.yaml"
done
