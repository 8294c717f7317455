#!/bin/sh
# Renders the chart into deploy/kubernetes (services, give-back) and into the samples that the tests look at. `make chart`
# calls it after a change of the chart; rendered.sha256 tells the tests from which files it was made.
set -eu

cd "$(dirname "$0")/.."
helm=${HELM:-helm}
samples=../tests/contract/deployment/chart

render() {
  "$helm" template tidegate helm/tidegate --namespace tidegate-system --kube-version 1.33.0 \
    --set image.registry=registry.example --set prometheus.url=http://prometheus.monitoring:9090 "$@"
}

"$helm" lint --strict helm/tidegate --namespace tidegate-system --kube-version 1.33.0 \
  --set image.registry=registry.example --set prometheus.url=http://prometheus.monitoring:9090

mkdir -p kubernetes/services kubernetes/give-back "$samples"
render --show-only templates/topology.yaml > kubernetes/services/topology.yaml
render --show-only templates/services.yaml > kubernetes/services/services.yaml
for what in traffic workloads; do
  render --set stopped=true --set giveBack.enabled=true --show-only "templates/give-back-$what.yaml" \
    > "kubernetes/give-back/$what.yaml"
done
render --set certificates.certManager=true --set networkPolicy.enabled=true --set serviceMonitor.enabled=true \
  --set nats.url=tls://nats.example:4222 --set rolloutOperator.historiesMax=10 \
  --set 'metricProviders.credentials={datadog}' --set 'analysisTemplates.jobNamespaces={shop,pay}' \
  --set metricProviders.environment.TIDEGATE_DATADOG_API_KEY_FILE=/credentials/datadog/api-key \
  --set 'metricProviders.secrets[0].secret=shop-quality,metricProviders.secrets[0].namespace=shop' \
  --set 'metricProviders.secrets[0].name=quality' \
  --set 'verdicts.keys[0].secret=shop-verdict-keys,verdicts.keys[0].namespace=shop,verdicts.alertsToken=alertmanager' > "$samples/everything.yaml"
render --set rolloutOperator.enabled=false | awk '/^kind:/ {kind = $2} /^  name:/ && kind {print kind "/" $2; kind = ""}' \
  > "$samples/without-rollouts.txt"
LC_ALL=C sha256sum helm/tidegate/.helmignore helm/tidegate/*.yaml helm/tidegate/*.json helm/tidegate/templates/* > helm/rendered.sha256
