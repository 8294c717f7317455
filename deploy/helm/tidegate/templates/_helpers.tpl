{{- define "tidegate.labels" -}}
app.kubernetes.io/part-of: tidegate
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
{{- end }}

{{- /* What the services' names for themselves, the definitions and `tidegate doctor` all count on. */}}
{{- define "tidegate.namespace" -}}
{{- if ne .Release.Namespace "tidegate-system" }}
{{- fail (printf "Tidegate is installed into the namespace tidegate-system, once for a cluster, not into %q: helm install --namespace tidegate-system --create-namespace" .Release.Namespace) }}
{{- end }}
{{- .Release.Namespace }}
{{- end }}

{{- define "tidegate.image" -}}
{{ .root.Values.image.registry }}/tidegate-{{ .service }}:{{ .root.Values.image.tag | default .root.Chart.AppVersion }}
{{- end }}

{{- /* How a process reaches the bus as one of its users. */}}
{{- define "tidegate.bus" -}}
- name: TIDEGATE_NATS_URL
{{- if .root.Values.nats.url }}
  value: {{ .root.Values.nats.url | quote }}
{{- else }}
  valueFrom: {secretKeyRef: {name: {{ .root.Values.nats.secret }}, key: url}}
{{- end }}
- {name: TIDEGATE_NATS_USER, value: {{ .user }}}
- name: TIDEGATE_NATS_PASSWORD
  valueFrom: {secretKeyRef: {name: {{ .root.Values.nats.secret }}, key: {{ .user }}}}
- {name: TIDEGATE_CLUSTER, value: {{ .root.Values.cluster }}}
{{- end }}

{{- /* What every pod has, whatever runs in it. */}}
{{- define "tidegate.pod" -}}
securityContext:
  runAsNonRoot: true
  runAsUser: 65532
  runAsGroup: 65532
  fsGroup: 65532
  seccompProfile: {type: RuntimeDefault}
{{- with .Values.image.pullSecrets }}
imagePullSecrets:
{{- range . }}
  - name: {{ . }}
{{- end }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- end }}

{{- define "tidegate.container" -}}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: {drop: [ALL]}
{{- end }}

{{- /* A file of deploy/kubernetes as the release's own; `kinds` says which of its objects, `annotations` what they get. */}}
{{- define "tidegate.shipped" -}}
{{- range $text := regexSplit "(?m)^---\\s*$" (.root.Files.Get .file) -1 }}
{{- $object := fromYaml $text }}
{{- if and $object (has $object.kind $.kinds) }}
{{- $metadata := $object.metadata }}
{{- $labels := merge (dict) (include "tidegate.labels" $.root | fromYaml) ($metadata.labels | default dict) }}
{{- $_ := set $metadata "labels" $labels }}
{{- with $.annotations }}
{{- $_ := set $metadata "annotations" (merge (dict) . ($metadata.annotations | default dict)) }}
{{- end }}
---
{{ toYaml $object }}
{{- end }}
{{- end }}
{{- end }}

{{- /* A service's own command, which gives back without the bus what the service holds, and ends. */}}
{{- define "tidegate.giveBack" -}}
{{- if not .root.Values.stopped }}
{{- fail "giveBack.enabled needs stopped: true, and no pod of the services may be left: what gives back runs beside no copy of its service (docs/uninstall.md)" }}
{{- end }}
apiVersion: batch/v1
kind: Job
metadata:
  name: give-back-{{ .service }}
  namespace: {{ include "tidegate.namespace" .root }}
  labels:
    {{- include "tidegate.labels" .root | nindent 4 }}
  annotations:
    helm.sh/hook: post-upgrade
    helm.sh/hook-weight: {{ .place | quote }}
    helm.sh/hook-delete-policy: before-hook-creation
spec:
  # It ends with 1 where something could not be given back, and may be run again.
  backoffLimit: 3
  template:
    metadata:
      labels:
        app.kubernetes.io/name: tidegate-give-back
    spec:
      restartPolicy: Never
      serviceAccountName: {{ .service }}
      {{- include "tidegate.pod" .root | nindent 6 }}
      containers:
        - name: give-back
          image: {{ include "tidegate.image" (dict "root" .root "service" .service) }}
          imagePullPolicy: {{ .root.Values.image.pullPolicy }}
          {{- $restore := and .root.Values.giveBack.restore (eq .service "workload-controller") }}
          args: [give-back{{ if $restore }}, --restore{{ end }}]
          env:
            - {name: TIDEGATE_CLUSTER, value: {{ .root.Values.cluster }}}
          {{- with (index .root.Values.services .service).resources }}
          resources:
            {{- toYaml . | nindent 12 }}
          {{- end }}
          {{- include "tidegate.container" .root | nindent 10 }}
          volumeMounts:
            - {name: temporary, mountPath: /tmp}
      volumes:
        - {name: temporary, emptyDir: {medium: Memory, sizeLimit: 16Mi}}
{{- end }}
